#include "drivers/kernel/kinds/hosts_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/kinds/rewrite.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

constexpr std::string_view kBegin = "# BEGIN ovl ";
constexpr std::string_view kEnd = "# END ovl ";
constexpr std::string_view kMade = " (file made by ovl, ";  // then the digest of the lines in front, ")"
constexpr std::array<std::string_view, 2> kFiles{"hosts", "resolv.conf"};
// In front of the block of a new hosts file. The machine's own lines would lead from its names, and from what
// it calls its loopback ("127.0.1.1 web"), to the endpoint itself.
constexpr std::string_view kFront = "127.0.0.1 localhost\n::1 localhost\n";
// Lines that nobody wants.
constexpr std::string_view kTorn = "# this block is not whole";
constexpr std::string_view kOldFront = "# lines of the machine stand in front of this block";

// A file in three parts. It may be nothing but line ends, so nothing is taken apart into lines.
struct Content {
  std::string front;                 // whole lines, as `back`
  std::optional<std::string> owner;  // absent: there is no block
  std::string made;                  // digest of the lines in front when ovl made the file
  HostLines block;
  bool whole = true;  // its end is marked
  std::string back;
};

Error file_error(const std::string& path, int os_errno) {
  return kernel_error(path, os_errno, {}, Errc::io);
}

// FNV-1a: tells whether somebody changed the lines; no secret.
std::string digest(const std::string& lines) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : lines) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

// The last line gets its end.
std::string whole_lines(std::string_view text) {
  std::string lines(text);
  if (!lines.empty() && lines.back() != '\n') lines += '\n';
  return lines;
}

HostLines lines_of(std::string_view text) {
  HostLines::Part part{.text = whole_lines(text)};
  part.lines = static_cast<std::size_t>(std::ranges::count(part.text, '\n'));
  return HostLines(std::move(part));
}

// Cuts the first line that begins so out of `text`, which then is what follows it. Returns what is in front;
// all of it when there is no such line.
std::string_view take_until(std::string_view& text, std::string_view beginning, std::string_view& line) {
  std::size_t at = 0;
  while (at < text.size() && !text.substr(at).starts_with(beginning)) {
    const auto end = text.find('\n', at);
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at);
  line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return front;
}

void parse_begin(std::string_view marker, Content& content) {
  marker.remove_prefix(kBegin.size());
  const auto made = marker.rfind(kMade);
  if (made != std::string_view::npos && marker.ends_with(')')) {
    content.made = marker.substr(made + kMade.size(), marker.size() - made - kMade.size() - 1);
    marker = marker.substr(0, made);
  }
  content.owner = std::string(marker);
}

// As add_network_names() writes it: an address, a name, the same name in its network.
bool is_ours(std::string_view line) {
  const auto address = line.find(' ');
  if (address == std::string_view::npos) return false;
  line.remove_prefix(address + 1);
  const auto name = line.find(' ');
  return name != std::string_view::npos && name > 0 &&
         line.substr(name + 1).starts_with(std::string(line.substr(0, name)) + ".");
}

using KnownLines = std::set<std::string_view>;

// A line that a crash cut short: of those that were to be written, or of the marker. Where nobody knows them,
// any.
bool is_cut(std::string_view line, const KnownLines& known) {
  const auto at = known.lower_bound(line);
  return known.empty() || kEnd.starts_with(line) || line.starts_with(kEnd) ||
         (at != known.end() && at->starts_with(line));
}

// How much of the text of a block without an end is the block: up to the first line that is not ours.
std::size_t block_size(std::string_view text, const HostLines& lines) {
  KnownLines known;
  lines.for_each([&](std::string_view line) { known.insert(line); });
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    const std::string_view line = text.substr(at, end - at);
    const bool cut = end == std::string_view::npos && is_cut(line, known);
    if (!cut && !is_ours(line) && !known.contains(line)) break;
    at = cut || end == std::string_view::npos ? text.size() : end + 1;
  }
  return at;
}

// known: lines of the block, as far as the caller knows them. They tell where a block ends that lost its end,
// by a crash or by somebody's hand: what stands behind it is somebody else's.
Content parse(std::string_view text, const HostLines& known = {}) {
  Content content;
  std::string_view marker;
  content.front = whole_lines(take_until(text, kBegin, marker));
  if (marker.empty()) return content;
  parse_begin(marker, content);
  const std::string_view rest = text;
  std::string_view block = take_until(text, kEnd, marker);
  content.whole = !marker.empty();
  if (!content.whole) {
    block = rest.substr(0, block_size(rest, known));
    text = rest.substr(block.size());
  }
  content.block = lines_of(block);
  content.back = whole_lines(text);
  return content;
}

std::string print(const Content& content) {
  std::string text = content.front;
  if (content.owner) {
    const std::string made = content.made.empty() ? "" : fmt::format("{}{})", kMade, content.made);
    text += fmt::format("{}{}{}\n", kBegin, *content.owner, made);
    for (const auto& part : content.block.parts()) text += part->text;
    text += fmt::format("{}{}\n", kEnd, *content.owner);
  }
  return text + content.back;
}

std::string_view front_of_new(std::string_view file) {
  return file == "hosts" ? kFront : std::string_view();
}

// What stands in front is as ovl made it, and ovl makes it otherwise now.
bool has_old_front(const Content& content, std::string_view file) {
  return !content.made.empty() && content.made == digest(content.front) &&
         content.front != front_of_new(file);
}

void renew_front(Content& content, std::string_view file) {
  content.front = front_of_new(file);
  content.made = digest(content.front);
}

bool is_clean(std::string_view line) {
  return std::ranges::all_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_marker(std::string_view line) {
  return line.starts_with(kBegin) || line.starts_with(kEnd);
}

// A line that has an end within counts as more than one.
bool are_clean(const HostLines& lines) {
  std::size_t count = 0;
  bool clean = true;
  lines.for_each([&](std::string_view line) {
    clean = clean && is_clean(line) && !is_marker(line);
    ++count;
  });
  return clean && count == lines.size();
}

Status check(const HostsFile& file) {
  if (std::ranges::find(kFiles, file.file) == kFiles.end()) {
    return Error{.code = Errc::bug, .message = "hosts_file: unknown file " + file.file};
  }
  if (is_clean(file.owner) && are_clean(file.lines)) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("{} of netns {}: a line has a control character or looks like a marker",
                                      file.file, file.netns.text())};
}

// One of the files of one namespace, open.
class OpenFile {
 public:
  // make: also makes the file and its directories. The file is empty (fd -1) when it is absent.
  static Result<OpenFile> open(const HostsFileOptions& options, const NetnsName& netns, std::string_view name,
                               int flags, bool make) {
    OpenFile file;
    file.name = std::string(name);
    const std::string& root = options.etc_directory;
    file.path = fmt::format("{}/{}/{}", root, netns.text(), name);
    file.copy.name = fmt::format(".{}.{}.ovl", netns.text(), name);
    if (make && mkdir(root.c_str(), 0755) < 0 && errno != EEXIST) return file_error(root, errno);
    file.root = UniqueFd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.root.valid()) return absent_or_error(std::move(file), make);
    file.copy.directory = file.root.get();
    if (make && mkdirat(file.root.get(), netns.text().c_str(), 0755) < 0 && errno != EEXIST) {
      return file_error(file.path, errno);
    }
    file.directory = open_beneath(file.root.get(), netns.text().c_str(), O_RDONLY | O_DIRECTORY);
    if (!file.directory.valid()) return absent_or_error(std::move(file), make);
    file.fd = open_beneath(file.directory.get(), file.name.c_str(), flags | O_NONBLOCK);
    if (!file.fd.valid() && errno == ENOENT && make) {
      file.fd = open_beneath(file.directory.get(), file.name.c_str(), flags | O_CREAT | O_EXCL, 0644);
      file.made = file.fd.valid();
    }
    if (!file.fd.valid()) return absent_or_error(std::move(file), make);

    struct stat info {};

    if (fstat(file.fd.get(), &info) < 0) return file_error(file.path, errno);
    if (!S_ISREG(info.st_mode)) {
      return Error{.code = Errc::conflict,
                   .message = file.path + " is not a regular file",
                   .hint = "remove it, or move it away"};
    }
    OVL_TRY(file.text, read_whole(file.fd.get(), kMaxHostsFileBytes, file.path));
    const auto meant = file.copy.meant(file.text, kMaxHostsFileBytes);
    file.torn = meant && *meant != file.text;
    if (flags != O_RDONLY) OVL_CHECK(file.finish(meant));
    return file;
  }

  // Why it can't be written, or made where it is absent; empty: it can. What permissions say is no matter of
  // who plans without root.
  [[nodiscard]] std::string unwritable() const {
    std::string tested = path;
    for (const UniqueFd* there : {&fd, &directory, &root}) {
      if (there->valid()) break;
      tested.resize(std::min(tested.size(), tested.rfind('/')));
    }
    if (tested.empty()) tested = "/";
    if (faccessat(AT_FDCWD, tested.c_str(), W_OK, AT_EACCESS) == 0) return {};
    if (errno == EROFS) return tested + " is on a read-only file system";
    return errno == EPERM ? tested + " can't be changed (it is immutable)" : std::string();
  }

  // Lines of others that stand behind what changes have to move: a copy of them is kept meanwhile.
  Status write(const Content& content) {
    const std::string now = print(content);
    if (now.size() > kMaxHostsFileBytes) return file_error(path, EFBIG);
    if (!content.back.empty()) OVL_CHECK(copy.keep(text, now));
    Status done = rewrite(fd.get(), text, now, path);
    if (!content.back.empty() && (done.ok() || is_as_it_was())) copy.drop();
    if (!done.ok() && made) (void)unlinkat(directory.get(), name.c_str(), 0);
    return done;
  }

  UniqueFd root;
  UniqueFd directory;
  UniqueFd fd;
  std::string name;
  std::string path;
  std::string text;
  RewriteCopy copy;
  bool made = false;  // just now
  bool torn = false;  // writing it was cut off, and lines of others may be missing

 private:
  Status finish(const std::optional<std::string>& meant) {
    if (torn) {
      OVL_CHECK(rewrite(fd.get(), text, *meant, path));
      text = *meant;
      torn = false;
    }
    copy.drop();
    return {};
  }

  [[nodiscard]] bool is_as_it_was() const {
    const UniqueFd again(open_beneath(directory.get(), name.c_str(), O_RDONLY | O_NONBLOCK));
    const auto now = read_whole(again.get(), kMaxHostsFileBytes, path);
    return now.ok() && now.value() == text;
  }

  static Result<OpenFile> absent_or_error(OpenFile file, bool make) {
    const int number = errno;
    if (const auto stranger = file.find_stranger()) return *stranger;
    if (!make && number == ENOENT) return file;
    return file_error(file.path, number);
  }

  // What stands where a directory or the file belongs: nothing is written through a link.
  [[nodiscard]] std::optional<Error> find_stranger() const {
    const std::string folder = path.substr(0, path.rfind('/'));
    const std::string above = folder.substr(0, folder.rfind('/'));
    if (!root.valid()) return stranger(AT_FDCWD, above, above, true);
    if (!directory.valid()) return stranger(root.get(), folder.substr(above.size() + 1), folder, true);
    return stranger(directory.get(), name, path, false);
  }

  // root: of all such files, which may be a link to a directory.
  static std::optional<Error> stranger(int where, const std::string& name, const std::string& shown,
                                       bool is_directory) {
    struct stat info {};

    const int follow = where == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW;
    if (fstatat(where, name.c_str(), &info, follow) != 0) return std::nullopt;
    if (is_directory ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode)) return std::nullopt;
    const std::string_view what = S_ISLNK(info.st_mode) ? "is a symbolic link"
                                  : is_directory        ? "is not a directory"
                                                        : "is not a regular file";
    return Error{.code = Errc::conflict,
                 .message = fmt::format("{} {}", shown, what),
                 .hint = "remove it, or move it away"};
  }
};

}  // namespace

Result<std::vector<HostsFile>> HostsFiles::observe(const NetnsName& netns,
                                                   const std::vector<HostsFile>& wanted) const {
  std::vector<HostsFile> found;
  if (netns.empty()) return found;
  for (const std::string_view name : kFiles) {
    HostsFile row{.netns = netns, .file = std::string(name)};
    auto file = OpenFile::open(options_, netns, name, O_RDONLY, false);
    if (!file.ok() && file.error().code == Errc::privilege) return std::move(file).error();
    if (!file.ok()) {
      row.unusable = file.error().message;
      found.push_back(std::move(row));
      continue;
    }
    if (std::ranges::find(wanted, name, &HostsFile::file) != wanted.end()) {
      row.unusable = file.value().unwritable();
    }
    Content content = parse(file.value().text);
    if (!content.owner) {
      if (!row.unusable.empty()) found.push_back(std::move(row));
      continue;
    }
    row.lines = std::move(content.block);
    if (file.value().torn || !content.whole) row.lines.add_line(kTorn);
    if (has_old_front(content, name)) row.lines.add_line(kOldFront);
    row.owner = std::move(*content.owner);
    found.push_back(std::move(row));
  }
  return found;
}

Status HostsFiles::create(const HostsFile& file) {
  OVL_CHECK(check(file));
  OVL_TRY(OpenFile open, OpenFile::open(options_, file.netns, file.file, O_RDWR, true));
  Content content = parse(open.text);
  if (content.owner) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("{} has a block of {} already", open.path, *content.owner),
                 .hint = "remove what is between its markers, if nothing needs it"};
  }
  // An empty file is one whose making was cut off.
  if (open.made || open.text.empty()) {
    renew_front(content, file.file);
    (void)fchmod(open.fd.get(), 0644);  // whatever the umask
  }
  content.owner = file.owner;
  content.block = file.lines;
  ++writes_;
  return open.write(content);
}

Status HostsFiles::update(const HostsFile& file) {
  OVL_CHECK(check(file));
  OVL_TRY(OpenFile open, OpenFile::open(options_, file.netns, file.file, O_RDWR, false));
  Content content = parse(open.text, file.lines);
  if (!open.fd.valid() || !content.owner) {
    return Error{.code = Errc::not_found,
                 .message = open.path + " has no block of ours any more",
                 .hint = "somebody edits the file: plan again"};
  }
  if (has_old_front(content, file.file)) renew_front(content, file.file);
  content.owner = file.owner;
  content.block = file.lines;
  ++writes_;
  return open.write(content);
}

Status HostsFiles::remove(const HostsFile& file) {
  OVL_TRY(OpenFile open, OpenFile::open(options_, file.netns, file.file, O_RDWR, false));
  Content content = parse(open.text, file.lines);
  if (!open.fd.valid() || !content.owner) return {};
  ++writes_;
  if (!content.made.empty() && content.made == digest(content.front) && content.back.empty()) {
    if (unlinkat(open.directory.get(), file.file.c_str(), 0) < 0) return file_error(open.path, errno);
    // Fails, as it should, when somebody keeps other files there.
    (void)unlinkat(open.root.get(), file.netns.text().c_str(), AT_REMOVEDIR);
    return {};
  }
  content.owner.reset();
  return open.write(content);
}

}  // namespace ovl
