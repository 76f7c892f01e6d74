#include "state/folders.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "files/read.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "clusters";
// No cluster's name: the state of the one called "clusters" waits there until the folder is made.
constexpr std::string_view kAside = ".clusters";

bool has_state(const std::string& folder) {
  struct stat about {};

  return ::lstat((folder + "/state.db").c_str(), &about) == 0;
}

bool is_link(const std::string& path) {
  struct stat about {};

  return ::lstat(path.c_str(), &about) == 0 && S_ISLNK(about.st_mode);
}

bool is_same(const std::string& a, const std::string& b) {
  struct stat first {};

  struct stat second {};

  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// Names in a directory that may be a cluster's; none when it can't be read.
std::vector<Label> labels_in(const std::string& directory) {
  std::vector<Label> out;
  const auto names = names_in(directory);
  if (!names.ok()) return out;
  for (const std::string& text : names.value()) {
    auto name = Label::parse(text);
    if (name.ok()) out.push_back(std::move(name).value());
  }
  return out;
}

std::string folder_in(const std::string& root, std::string_view name) {
  return fmt::format("{}/{}/{}", root, kFolder, name);
}

// Where earlier versions kept it.
std::string former_folder(const std::string& root, const Label& cluster) {
  std::string aside = fmt::format("{}/{}", root, kAside);
  if (cluster.text() == kFolder && has_state(aside)) return aside;
  return root + "/" + cluster.text();
}

void sync_folder(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) static_cast<void>(::fsync(fd.get()));
}

// A link stays one to the same folder, whatever its words are relative to.
bool move_link(const std::string& from, const std::string& to) {
  std::error_code error;
  const fs::path target = fs::canonical(from, error);
  if (error || (::symlink(target.c_str(), to.c_str()) != 0 && !is_same(from, to))) return false;
  return ::unlink(from.c_str()) == 0;
}

// rename() takes an empty folder's place and no other's.
bool move_folder(const std::string& from, const std::string& to) {
  if (is_link(from)) return move_link(from, to);
  return ::rename(from.c_str(), to.c_str()) == 0;
}

bool holds_clusters(const std::string& directory) {
  return std::ranges::any_of(labels_in(directory),
                             [&](const Label& name) { return has_state(directory + "/" + name.text()); });
}

// The state of the cluster "clusters" is where all of them belong: first out of the way.
void set_aside(const std::string& root) {
  const std::string folder = fmt::format("{}/{}", root, kFolder);
  if (!has_state(folder) || holds_clusters(folder)) return;
  static_cast<void>(::rename(folder.c_str(), fmt::format("{}/{}", root, kAside).c_str()));
}

// What is there, and where it is found: none, when it is where it belongs or nowhere.
std::optional<std::string> to_be_moved(const std::string& root, const Label& cluster) {
  const std::string former = former_folder(root, cluster);
  const bool is_folder_of_all = former == fmt::format("{}/{}", root, kFolder);
  if (is_folder_of_all || !has_state(former)) return std::nullopt;
  return former;
}

}  // namespace

Result<std::string> find_state_folder(const StateOptions& options) {
  const std::string now = folder_in(options.root, options.cluster.text());
  const std::string former = former_folder(options.root, options.cluster);
  if (!has_state(former)) return now;
  if (!has_state(now)) return former;
  if (is_same(now, former)) return now;
  return Error{
      .code = Errc::conflict,
      .message = fmt::format("the state of cluster {} is there twice: {} and {}", options.cluster.text(), now,
                             former),
      .hint = fmt::format("an earlier ovl has run here again: if the first is right, move {} away, else both "
                          "out of the way and the second to where the first was",
                          former)};
}

void move_state_folders(const std::string& root) {
  set_aside(root);
  std::vector<Label> names = labels_in(root);
  if (has_state(fmt::format("{}/{}", root, kAside))) names.push_back(Label::parse(kFolder).value());
  bool moved = false;
  for (const Label& name : names) {
    const auto former = to_be_moved(root, name);
    if (!former) continue;
    static_cast<void>(::mkdir(fmt::format("{}/{}", root, kFolder).c_str(), S_IRWXU));
    moved = move_folder(*former, folder_in(root, name.text())) || moved;
  }
  if (!moved) return;
  sync_folder(fmt::format("{}/{}", root, kFolder));
  sync_folder(root);
}

std::vector<Label> clusters_with_state(const std::string& root) {
  std::vector<Label> names = labels_in(fmt::format("{}/{}", root, kFolder));
  std::vector<Label> former = labels_in(root);
  std::ranges::move(former, std::back_inserter(names));
  names.push_back(Label::parse(kFolder).value());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::erase_if(names, [&](const Label& name) {
    return !has_state(folder_in(root, name.text())) && !has_state(former_folder(root, name));
  });
  return names;
}

}  // namespace ovl
