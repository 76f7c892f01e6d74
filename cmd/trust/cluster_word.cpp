// A cluster's name is the name of its tree in the store. A manifest with another name is valid and describes
// a new cluster, in which nothing is protected and nothing is removed: every guard compares with records that
// are not there. So where a manifest is somebody else's, its name has to be the one that this place goes by.
#include "cmd/trust/cluster_word.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "cmd/trust/host_side.hpp"
#include "files/trusted_file.hpp"
#include "model/base/handle.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"

namespace ovl {

namespace {

// A label and a line's end fit in.
constexpr std::size_t kMostName = 256;

// Never taken for "nothing was applied yet": then any name would do, and who can damage the file would choose
// it.
Error no_memory(const std::string& file, std::string_view why) {
  return Error{.code = Errc::guard,
               .message = fmt::format("{} {}", printable(file), why),
               .hint = "it holds the name of the cluster that was applied from here: say it, --cluster NAME"};
}

// None: there is no such file.
Result<std::optional<std::string>> read_memory(const std::string& file) {
  // O_NONBLOCK, as open(2) waits for the other end of a pipe; what it is is asked of the descriptor, not of
  // the path, so that nobody exchanges it in between.
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return std::optional<std::string>();

  struct stat about {};

  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) return no_memory(file, "can't be read");
  if (!S_ISREG(about.st_mode)) return no_memory(file, "is no file");
  if (may_others_write(about)) return no_memory(file, "may be written by others");
  std::array<char, kMostName> buffer{};
  const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
  // An empty file is a damaged one: this is written whole, with a name.
  if (count <= 0) return no_memory(file, "holds no name");
  std::string text(buffer.data(), static_cast<std::size_t>(count));
  while (text.ends_with('\n')) text.pop_back();
  return std::optional(std::move(text));
}

Result<std::vector<Label>> remembered(const std::string& file) {
  std::vector<Label> out;
  if (file.empty()) return out;
  OVL_TRY(const auto text, read_memory(file));
  if (!text) return out;
  auto name = Label::parse(*text);
  if (!name.ok()) return no_memory(file, "holds no name");
  out.push_back(std::move(name).value());
  return out;
}

std::string listed(const std::vector<Label>& names) {
  std::string out;
  for (const Label& name : names) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", name.text());
  return out;
}

}  // namespace

Result<std::vector<Label>> held_clusters(const PlanOptions& options, const std::vector<Label>& followed) {
  // The order is from who says it most deliberately to who only happens to follow it.
  if (!options.cluster.empty()) {
    OVL_TRY(Label given, Label::parse(options.cluster));
    return std::vector<Label>{std::move(given)};
  }
  // A file of the host's that can't be read is an error, not an absent one: it may be the one that forbids.
  OVL_TRY(const HostSide host, read_host_side());
  if (!host.cluster.empty()) return std::vector<Label>{host.cluster};
  OVL_TRY(std::vector<Label> known, remembered(options.cluster_file));
  return known.empty() ? followed : known;
}

Status check_cluster_held(const Manifest& manifest, const Sources& sources, const std::vector<Label>& held) {
  const Label& name = manifest.cluster.value;
  if (held.empty() || std::ranges::find(held, name) != held.end()) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("{}: the manifest calls the cluster \"{}\", and what is followed here is {}",
                             place_text(manifest.cluster.place, sources), name.text(), listed(held)),
      .hint = fmt::format("a cluster keeps its name, and whose it is says the host: `ovl hook install "
                          "--cluster {0}`, --cluster {0} with sync and agent, or [cluster] in {1}",
                          name.text(), kHostKeystoreFile)};
}

Status remember_cluster(const std::string& file, const Label& name) {
  const auto known = remembered(file);
  // Asked first, as it is called before each write: a file that is right is not written anew with each apply.
  if (known.ok() && known.value() == std::vector<Label>{name}) return {};
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
  return write_whole_file(file, name.text() + "\n", 0600);
}

std::string hooks_cluster_file(const std::string& repository) {
  return repository + "/ovl/cluster";
}

}  // namespace ovl
