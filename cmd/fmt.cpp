// ovl fmt: gives a manifest's files their one look, or says which do not have it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <iterator>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "cmd/write_file.hpp"
#include "files/read.hpp"
#include "reconcile/diagnostic_text.hpp"
#include "reconcile/format_toml.hpp"
#include "reconcile/parse.hpp"
#include "reconcile/sources.hpp"

namespace ovl {

namespace {

Error cannot_write(const std::string& path) {
  return Error{.code = Errc::io, .message = fmt::format("{} can't be written", path), .os_errno = errno};
}

// With the mode that it has.
Status replace_file(const std::string& path, const std::string& text) {
  struct stat about {};

  if (::stat(path.c_str(), &about) != 0) return cannot_write(path);
  return write_whole_file(path, text, about.st_mode & 07777);
}

// What is no TOML has no look.
Status check_syntax(const Sources& sources) {
  Diagnostics found = parse(sources).diagnostics;
  std::erase_if(found, [](const Diagnostic& diagnostic) { return diagnostic.id != "syntax"; });
  if (found.empty()) return {};
  std::cerr << render_all(found, sources, wants_colour(STDERR_FILENO));
  return Error{.code = Errc::manifest, .message = "what is no TOML can't be formatted; nothing was done"};
}

Result<int> format_files(const FmtOptions& options) {
  OVL_TRY(const Sources sources, read_sources(options.path));
  OVL_CHECK(check_syntax(sources));
  bool differs = false;
  for (const SourceFile& source : sources) {
    const std::string text = format_toml(source.text);
    if (text == source.text) continue;
    differs = true;
    std::cout << printable(source.name) << "\n";
    if (!options.check) OVL_CHECK(replace_file(source.name, text));
  }
  return differs && options.check ? kExitError : kExitDone;
}

// From stdin to stdout, for editors.
Result<int> format_stream() {
  OVL_TRY(std::string text, read_stdin(kMaxSourceBytes));
  const Sources sources{{.name = "stdin", .text = std::move(text)}};
  OVL_CHECK(check_syntax(sources));
  std::cout << format_toml(sources.front().text);
  return kExitDone;
}

}  // namespace

int run_fmt(const FmtOptions& options) {
  auto code = options.path == "-" ? format_stream() : format_files(options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
