// What a plan, an apply or a validation came to, in the form that every output format is made from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/manifest/manifest.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

enum class Format : std::uint8_t { text, json, markdown, github, sarif, junit, gitlab };

template <>
struct EnumNames<Format> {
  static constexpr std::array<std::string_view, 7> names{"text",  "json",  "markdown", "github",
                                                         "sarif", "junit", "gitlab"};
};

// The manifest's files, what they declare as far as it could be read, and what is wrong in them.
struct ManifestFindings {
  Sources sources;
  Manifest manifest;
  Diagnostics diagnostics;
  bool revision = false;  // from a repository's objects: the files are named from its root
};

// Data only; the formats are pure functions of it.
struct Report {
  std::string verb;            // "plan", "apply", "destroy", "validate"
  std::string cluster;         // empty: not known
  const Plan* plan = nullptr;  // absent: there is none, or none could be made
  ManifestFindings manifest;
  std::optional<Error> error;  // what ended the verb
  // The root of the CI job's checkout and, below it, the folder where the user stands: "/src/" and "infra/".
  // Files are named from the root then, as services want them. Empty: there is none.
  std::string checkout;
  std::string folder;
  std::string last_words = {};  // of an apply that did something; empty: the plan's own
  bool show_all = false;        // long runs are not folded, where the format has room for them
};

// One finding, wherever it comes from: the manifest, the plan, or the error that ended the verb.
struct Notice {
  Severity severity = Severity::error;
  std::string id;       // of the catalogue; for an error that ended the verb its family
  std::string subject;  // what it is about; empty for a finding with a place of its own
  std::string message;
  std::string hint;            // may be empty
  std::optional<Place> place;  // with a line; absent: nowhere in the manifest

  // "SUBJECT: MESSAGE", or the message alone. Safe to show.
  [[nodiscard]] std::string text() const;
};

// How a report with a plan ends.
std::string last_words_of(const Report& report);

// All of a report, errors first, in the order in which they were found.
std::vector<Notice> notices_of(const Report& report);

// The name of the file that a place is in, as it is called in the checkout.
std::string file_of(const Report& report, const Place& place);

// A place in code points from 1, as other tools count: first column, and the one behind the last.
struct Columns {
  std::uint32_t begin = 1;
  std::uint32_t end = 2;
};

Columns columns_of(const Report& report, const Place& place);

}  // namespace ovl
