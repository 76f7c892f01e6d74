// ovl fmt: gives a manifest's files their one look, or says which do not have it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "cmd/session/context.hpp"
#include "cmd/verbs/verbs.hpp"
#include "files/read.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/toml/format_toml.hpp"

namespace ovl {

namespace {

// What is no TOML has no look. What lies beside ovl.toml and is somebody else's has its own.
Status check_look(const Sources& sources) {
  Diagnostics found = parse(sources).diagnostics;
  const bool beside = std::ranges::find(sources, "ovl.toml", &SourceFile::name) != sources.end();
  // Formatting needs TOML, not a valid manifest: in the middle of an edit it mostly is none, and editors
  // format at each save. Only syntax errors count, and blocks of which no manifest is made: those files are
  // somebody else's.
  std::erase_if(found, [&](const Diagnostic& diagnostic) {
    const bool others = beside && sources[diagnostic.place.file].name != "ovl.toml";
    return diagnostic.id != "syntax" && !(others && diagnostic.id == "unknown-block");
  });
  if (found.empty()) return {};
  std::cerr << render_all(found, sources, wants_colour(STDERR_FILENO));
  return Error{.code = Errc::manifest,
               .message = found.front().id == "syntax"
                              ? "what is no TOML can't be formatted; nothing was done"
                              : "what is no manifest is left as it is; nothing was done"};
}

// Of a link that the user has named, where it leads; no other one is followed. A file is replaced by rename,
// which would put a plain file into the link's place.
std::string place_of(const std::string& name, const std::string& named) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::canonical(name, error);
  return name == named && !error ? place.string() : name;
}

Result<int> format_files(const FmtOptions& options) {
  OVL_TRY(const Sources sources, read_sources(options.path));
  OVL_CHECK(check_look(sources));
  bool differs = false;
  for (const SourceFile& source : sources) {
    const std::string text = format_toml(source.text);
    if (text == source.text) continue;
    differs = true;
    // The names of the files that change, as gofmt -l has it: for scripts that format what was touched.
    std::cout << printable(source.name) << "\n";
    // Whole or not at all, with owner and mode of what was there: root who formats a user's file would else
    // take it away from him.
    if (!options.check) OVL_CHECK(replace_whole_file(place_of(source.name, options.path), text));
  }
  return differs && options.check ? kExitError : kExitDone;
}

// From stdin to stdout, for editors.
Result<int> format_stream() {
  OVL_TRY(std::string text, read_stdin(kMaxSourceBytes));
  const Sources sources{{.name = "stdin", .text = std::move(text)}};
  // Nothing is printed for what can't be formatted: an editor would put an empty text into its buffer's
  // place.
  OVL_CHECK(check_look(sources));
  std::cout << format_toml(sources.front().text);
  return kExitDone;
}

}  // namespace

int run_fmt(const FmtOptions& options) {
  auto code = options.path == "-" ? format_stream() : format_files(options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
