// Collects diagnostics: a manifest's errors are all reported, never the first alone.
#pragma once

#include <string>
#include <utility>

#include "model/manifest/manifest.hpp"

namespace ovl {

class Reporter {
 public:
  explicit Reporter(Diagnostics& out) : out_(&out) {}

  // Adds an error; the answer takes notes until the next error is added.
  Diagnostic& error(FindingId id, const Place& place, std::string message, std::string hint = {}) {
    return out_->emplace_back(Diagnostic{.severity = Severity::error,
                                         .id = id,
                                         .message = std::move(message),
                                         .place = place,
                                         .hint = std::move(hint)});
  }

  // The same for two places that contradict each other.
  void clash(FindingId id, const Place& place, std::string message, std::string hint, const Place& other,
             std::string note) {
    error(id, place, std::move(message), std::move(hint))
        .notes.push_back({.message = std::move(note), .place = other});
  }

 private:
  Diagnostics* out_;
};

}  // namespace ovl
