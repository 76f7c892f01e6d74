#include "reconcile/manifest/sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "files/read.hpp"
#include "model/base/handle.hpp"
#include "reconcile/base/ids.hpp"

namespace ovl {

namespace {

Error os_error(std::string_view what, const std::string& name, int number) {
  return Error{.code = number == ENOENT ? Errc::not_found : Errc::io,
               .message = fmt::format("{} {}: {}", what, name, std::strerror(number)),
               .os_errno = number};
}

Error refused(std::string message, std::string hint) {
  return Error{.code = Errc::manifest, .message = std::move(message), .hint = std::move(hint)};
}

bool is_manifest_name(std::string_view name) {
  return name.ends_with(".toml") && !name.starts_with('.');
}

std::string joined(const std::string& folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return folder.ends_with('/') ? folder + std::string(name) : fmt::format("{}/{}", folder, name);
}

class SourceReader {
 public:
  // Reads one file; `at` is the folder's descriptor. A link is followed only where the user named it.
  Status add_file(int at, const std::string& entry, const std::string& shown, bool follow) {
    const auto file = open_regular(at, entry, shown, follow ? Links::follow : Links::refuse);
    if (!file.ok()) return not_opened(shown, file.error().os_errno);
    auto text = read_open(file.value().get(), shown, kMaxSourceBytes);
    if (text.ok()) return keep(shown, std::move(text).value());
    return text.error().os_errno == EFBIG ? file_too_large(shown)
                                          : os_error("reading", shown, text.error().os_errno);
  }

  Sources take() {
    std::ranges::sort(sources_, {}, &SourceFile::name);
    return std::move(sources_);
  }

  // Walks on below this descriptor; entries are opened relative to it.
  Status enter(const std::string& path, const std::string& shown, bool recursive) {
    UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid()) return os_error("reading", path, errno);
    return walk(std::move(folder), shown, recursive ? kMaxSourceDepth : 0, recursive);
  }

 private:
  static Error link_refused(const std::string& shown) {
    return refused(fmt::format("{} is a symbolic link", shown),
                   "a manifest must not reach out of its tree; put the file there, or name it");
  }

  static Error file_too_large(const std::string& shown) {
    return refused(fmt::format("{} is larger than {} bytes", shown, kMaxSourceBytes), "split it");
  }

  static Error not_opened(const std::string& shown, int number) {
    if (number == ELOOP) return link_refused(shown);
    if (number != EISDIR && number != ENXIO) return os_error("reading", shown, number);
    return refused(fmt::format("{} is not a regular file", shown), "a manifest is made of plain files");
  }

  Status keep(const std::string& shown, std::string text) {
    total_ += text.size();
    if (total_ > kMaxTotalBytes) {
      return refused(fmt::format("the manifest is larger than {} bytes", kMaxTotalBytes),
                     "name the folder that holds the manifest alone");
    }
    if (sources_.size() == kMaxSourceFiles) {
      return refused(fmt::format("the manifest has more than {} files", kMaxSourceFiles),
                     "name the folder that holds the manifest alone");
    }
    sources_.push_back({.name = shown, .text = std::move(text)});
    return {};
  }

  // Names in bytewise order, so that the first error doesn't depend on the file system.
  static Result<std::vector<std::string>> names_in(int folder, const std::string& shown) {
    auto names = ovl::names_in(folder, shown);
    if (!names.ok()) return os_error("reading", shown, names.error().os_errno);
    std::erase_if(names.value(), [](const std::string& name) { return name.starts_with('.'); });
    return names;
  }

  Status walk(UniqueFd folder, const std::string& shown, std::size_t levels, bool recursive) {
    OVL_TRY(const std::vector<std::string> names, names_in(folder.get(), shown.empty() ? "." : shown));
    for (const std::string& name : names) {
      OVL_CHECK(visit(folder.get(), name, joined(shown, name), levels, recursive));
    }
    return {};
  }

  Status visit(int folder, const std::string& name, const std::string& shown, std::size_t levels,
               bool recursive) {
    struct stat info {};

    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return os_error("reading", shown, errno);
    if (S_ISDIR(info.st_mode)) return recursive ? descend(folder, name, shown, levels) : Status();
    if (is_manifest_name(name)) return add_file(folder, name, shown, false);
    // A link to a folder: what is behind it would be missing without a word.
    const bool to_folder =
        S_ISLNK(info.st_mode) && ::fstatat(folder, name.c_str(), &info, 0) == 0 && S_ISDIR(info.st_mode);
    return recursive && to_folder ? Status(link_refused(shown)) : Status();
  }

  Status descend(int folder, const std::string& name, const std::string& shown, std::size_t levels) {
    if (levels == 0) {
      return refused(fmt::format("{} is more than {} folders deep", shown, kMaxSourceDepth),
                     "name the folder that holds the manifest alone");
    }
    UniqueFd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.valid()) return os_error("reading", shown, errno);
    return walk(std::move(below), shown, levels - 1, true);
  }

  Sources sources_;
  std::size_t total_ = 0;
};

Error nothing_found(std::string message) {
  return Error{
      .code = Errc::not_found, .message = std::move(message), .hint = "ovl init writes a first manifest"};
}

// Whoever has one file in mind learns that the others are read too.
Error named_one(Error error) {
  constexpr std::string_view hint = "all *.toml here are one manifest; for one file alone, name it";
  error.hint = error.hint.empty() ? std::string(hint) : fmt::format("{}; {}", error.hint, hint);
  return error;
}

Result<Sources> read_here() {
  SourceReader reader;
  Status read = reader.enter(".", "", false);
  if (!read.ok()) return named_one(std::move(read).error());
  Sources sources = reader.take();
  if (sources.empty()) return nothing_found("no manifest here: neither ovl.toml nor any other *.toml");
  return sources;
}

// How the files of a named directory are shown: "infra/a.toml", but "a.toml" for ".".
std::string shown_folder(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path == "." ? "" : path;
}

// The bytes of the folder that all names begin with.
std::size_t shared_folder(const Sources& sources) {
  const std::string_view first = sources.front().name;
  std::size_t shared = first.size();
  for (const SourceFile& source : sources) {
    const auto [end, other] =
        std::mismatch(first.begin(), first.end(), source.name.begin(), source.name.end());
    shared = std::min(shared, static_cast<std::size_t>(end - first.begin()));
  }
  const auto slash = first.substr(0, shared).rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

}  // namespace

Result<Sources> read_sources(const std::string& path) {
  if (path.empty()) return read_here();

  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) {
    Error error = os_error("reading", path, errno);
    error.hint =
        "name a file, or a directory with *.toml in it; without a name it is the directory you stand in";
    return error;
  }
  SourceReader reader;
  if (!S_ISDIR(info.st_mode)) {
    OVL_CHECK(reader.add_file(AT_FDCWD, path, path, true));
    return reader.take();
  }
  OVL_CHECK(reader.enter(path, shown_folder(path), true));
  Sources sources = reader.take();
  if (sources.empty()) return nothing_found(fmt::format("there is no *.toml in {}", path));
  return sources;
}

std::string digest_of(const Sources& sources) {
  if (sources.empty()) return sha256_hex("");
  const std::size_t shared = shared_folder(sources);
  std::string all;
  for (const SourceFile& source : sources) {
    const std::string_view name = std::string_view(source.name).substr(shared);
    all += fmt::format("{}:{}:{}:", name.size(), name, source.text.size());
    all += source.text;
  }
  return sha256_hex(all);
}

std::string path_beside(const SourceFile& source, const std::string& path) {
  const auto slash = source.name.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return source.name.substr(0, slash + 1) + path;
}

}  // namespace ovl
