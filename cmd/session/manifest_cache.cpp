// Parsing a large manifest is a good part of a plan that changes nothing. A tree's content never changes
// under its id, so what was parsed from it once is kept. It is a cache and no more: whatever is not whole,
// not ours or of another build is as if it were not there.
#include "cmd/session/manifest_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cmd/base/write_file.hpp"
#include "drivers/module/module.hpp"
#include "files/read.hpp"
#include "files/trusted_file.hpp"
#include "model/base/handle.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/manifest/manifest_archive.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// A few branches of a few repositories; the oldest one is the least likely to be planned again.
constexpr std::size_t kMostFiles = 16;
constexpr std::size_t kSum = 64;  // hexadecimal digits of a SHA-256

std::string variable_of(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr ? std::string(value) : std::string();
}

std::string default_folder() {
  // Root has its own, whatever HOME is: sudo may have left that of the user.
  if (::geteuid() == 0) return "/var/cache/ovl";
  const std::string cache = variable_of("XDG_CACHE_HOME");
  if (cache.starts_with('/')) return cache + "/ovl";
  const std::string home = variable_of("HOME");
  return home.starts_with('/') ? home + "/.cache/ovl" : std::string();
}

// Ours, and nobody else may write there: what is kept counts as if it had just been parsed.
bool is_own_folder(const std::string& folder) {
  struct stat about {};

  return ::lstat(folder.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid() &&
         !may_others_write(about);
}

// Far more than the largest manifest makes packed: sources are 32 MiB at most.
constexpr std::size_t kMostCacheBytes = std::size_t{256} << 20;

std::string read_own_file(const std::string& path) {
  const auto file = open_regular(AT_FDCWD, path, path, Links::refuse);

  struct stat about {};

  const bool ours = file.ok() && ::fstat(file.value().get(), &about) == 0 && about.st_uid == ::geteuid();
  if (!ours) return {};
  auto text = read_open(file.value().get(), path, kMostCacheBytes);
  return text.ok() ? std::move(text).value() : std::string();
}

}  // namespace

ManifestCache::ManifestCache() : ManifestCache(default_folder()) {}

ManifestCache::ManifestCache(std::string folder) : folder_(std::move(folder)) {}

std::string ManifestCache::file_of(const std::string& key) const {
  // With the build: another one may pack otherwise, or refuse what this one took.
  return fmt::format("{}/{}.manifest", folder_, sha256_hex(fmt::format("{} {}", kModuleBuild, key)));
}

std::optional<Manifest> ManifestCache::find(const std::string& key) const {
  if (folder_.empty() || !is_own_folder(folder_)) return std::nullopt;
  const std::string text = read_own_file(file_of(key));
  if (text.size() < kSum) return std::nullopt;
  const std::string_view bytes = std::string_view(text).substr(kSum);
  // Against a disk that is full or broken, not against people: who may write here is us.
  if (std::string_view(text).substr(0, kSum) != sha256_hex(bytes)) return std::nullopt;
  // Every value goes through its validating type again, as if it came from the text.
  auto manifest = unpack(bytes);
  if (!manifest.ok()) return std::nullopt;
  return std::move(manifest).value();
}

void ManifestCache::keep(const std::string& key, const Manifest& manifest) const {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(fs::path(folder_).parent_path(), error);
  // Whether it was made now or was there, the look below decides.
  ::mkdir(folder_.c_str(), 0700);
  if (!is_own_folder(folder_)) return;
  const std::string bytes = pack(manifest);
  // A cache that can't be written is no error of a plan.
  if (write_whole_file(file_of(key), sha256_hex(bytes) + bytes, 0600).ok()) forget_oldest();
}

void ManifestCache::forget_oldest() const {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  const auto names = names_in(folder_);
  if (!names.ok()) return;
  for (const std::string& name : names.value()) {
    const fs::path path = fs::path(folder_) / name;
    if (path.extension() == ".manifest") files.emplace_back(fs::last_write_time(path, error), path);
  }
  // By the time of writing; that of reading is not kept on file systems with noatime.
  std::ranges::sort(files);
  for (std::size_t i = 0; i + kMostFiles < files.size(); ++i) fs::remove(files[i].second, error);
}

}  // namespace ovl
