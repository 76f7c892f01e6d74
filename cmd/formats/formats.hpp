// The output formats that other programs take up, one function and one file each. All are pure; each keeps
// the limits of the service that it is for, and no text from a manifest, a store or a commit gets out of its
// markup.
#pragma once

#include <string>

#include "cmd/formats/report.hpp"

namespace ovl {

// A comment for a pull request, at most 65,000 bytes: GitHub takes 65,536 characters, GitLab 1,000,000. Its
// first line, "<!-- ovl VERB CLUSTER -->", is not shown; by it the next run finds the comment to replace.
std::string markdown_of(const Report& report);

// Workflow commands of GitHub, which shows the first 10 of each type that a step prints: what is more is
// counted in the last one.
std::string github_of(const Report& report);

// SARIF 2.1.0 (OASIS). At most 5,000 results, as many as GitHub takes; errors come first.
std::string sarif_of(const Report& report);

// JUnit XML as Jenkins' and GitLab's readers take it: one test case for the plan itself, for each record's
// change and for each finding; of a validation one for each file.
std::string junit_of(const Report& report);

// GitLab's terraform report: {"create":N,"update":N,"delete":N}; a replacement counts as one deleted and
// one created. {} when there is no plan, which GitLab shows as a report that failed.
std::string gitlab_of(const Report& report);

// The plan as ovl plan --json has it; else a failure (docs/schemas/failure.schema.json).
std::string json_of(const Report& report);

}  // namespace ovl
