// ovl validate: reads the manifest, shows every finding. Needs no store, no kernel, no privileges.
#pragma once

#include <iosfwd>
#include <string>

namespace ovl {

struct ValidateOptions {
  std::string path;  // empty: all *.toml here
  std::string repo;  // as of PlanOptions
  std::string ref;
  bool json = false;            // the same as the format "json"
  std::string format = "text";  // see Format; gitlab's report is of plans alone
  bool colour = false;          // of the text on err
};

// Prints the verdict on out, findings on err; in other formats their document on out, and with json nothing
// on err. Answers the exit code: 0 valid, 13 invalid, or that of the error when there is nothing to read.
int validate(const ValidateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ovl
