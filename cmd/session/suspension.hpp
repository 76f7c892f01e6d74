// Whether what applies by itself (sync, agent, post-receive) stands back, so that somebody can work by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cmd/base/options.hpp"
#include "model/base/fields.hpp"

namespace ovl {

struct Suspension {
  std::string who;
  std::int64_t since = 0;  // seconds since the epoch
  std::string reason;      // may be empty

  static constexpr auto fields() {
    return std::tuple{setting("who", &Suspension::who), setting("since", &Suspension::since),
                      setting("reason", &Suspension::reason)};
  }

  // "suspended by root since 2026-01-02 03:04:05Z (why)"
  [[nodiscard]] std::string words() const;
};

// Of the machine, when `directory` is its state directory, or of a repository, when it is REPO/ovl. None: it
// is not suspended, or this user may not know. What is neither one nor a directory counts as one.
std::optional<Suspension> read_suspension(const std::string& directory);

int run_suspend(const GlobalOptions& global, const PlanOptions& options, const std::string& reason);
int run_resume(const GlobalOptions& global, const PlanOptions& options);

}  // namespace ovl
