#include "drivers/kernel/hosts_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "drivers/kernel/errors.hpp"
#include "drivers/kernel/netns.hpp"
#include "model/handle.hpp"

namespace ovl {

namespace {

constexpr std::string_view kBegin = "# BEGIN ovl ";
constexpr std::string_view kEnd = "# END ovl ";
constexpr std::string_view kMade = " (file made by ovl, ";  // then the digest of the lines in front, ")"
constexpr std::array<std::string_view, 2> kFiles{"hosts", "resolv.conf"};
constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

// A file in three parts. Lines are without their ends.
struct Content {
  std::vector<std::string> front;
  std::optional<std::string> owner;  // absent: there is no block
  std::string made;                  // digest of the lines in front when ovl made the file
  std::vector<std::string> block;
  std::vector<std::string> back;
};

Error file_error(const std::string& path, int os_errno) {
  return kernel_error(path, os_errno, {}, Errc::io);
}

// FNV-1a: tells whether somebody changed the lines; no secret.
std::string digest(const std::vector<std::string>& lines) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::string& line : lines) {
    for (const char c : line + "\n") hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  }
  return fmt::format("{:016x}", hash);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
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

// A block whose end was cut off reaches to the end of the file: the next update writes it whole.
Content parse(std::string_view text) {
  Content content;
  bool in_block = false;
  for (std::string& line : lines_of(text)) {
    if (!content.owner && line.starts_with(kBegin)) {
      parse_begin(line, content);
      in_block = true;
    } else if (in_block && line.starts_with(kEnd)) {
      in_block = false;
    } else {
      (in_block ? content.block : content.owner ? content.back : content.front).push_back(std::move(line));
    }
  }
  return content;
}

std::string print(const Content& content) {
  std::string text;
  const auto add = [&text](const std::vector<std::string>& lines) {
    for (const std::string& line : lines) text += line + "\n";
  };
  add(content.front);
  if (content.owner) {
    const std::string made = content.made.empty() ? "" : fmt::format("{}{})", kMade, content.made);
    text += fmt::format("{}{}{}\n", kBegin, *content.owner, made);
    add(content.block);
    text += fmt::format("{}{}\n", kEnd, *content.owner);
  }
  add(content.back);
  return text;
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error(path, errno);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > kMaxBytes) return file_error(path, EFBIG);
  }
}

// In place. The file never has less than its new text: shorter text is padded with line ends to the
// old length before the file is cut, so a kill in between leaves empty lines and no half block.
Status write_all(int fd, std::string text, std::size_t old_size, const std::string& path) {
  const std::size_t size = text.size();
  if (size < old_size) text.append(old_size - size, '\n');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = pwrite(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(path, errno);
    done += static_cast<std::size_t>(n);
  }
  if (ftruncate(fd, static_cast<off_t>(size)) < 0 || fsync(fd) < 0) return file_error(path, errno);
  return {};
}

Status check(const HostsFile& file) {
  const auto clean = [](const std::string& line) {
    return std::ranges::all_of(line, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
  };
  const auto marker = [](const std::string& line) {
    return line.starts_with(kBegin) || line.starts_with(kEnd);
  };
  if (std::ranges::find(kFiles, file.file) == kFiles.end()) {
    return Error{.code = Errc::bug, .message = "hosts_file: unknown file " + file.file};
  }
  if (clean(file.owner) && std::ranges::all_of(file.lines, clean) &&
      std::ranges::none_of(file.lines, marker)) {
    return {};
  }
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
    const std::string& root = options.etc_directory;
    file.path = fmt::format("{}/{}/{}", root, netns.text(), name);
    if (make && mkdir(root.c_str(), 0755) < 0 && errno != EEXIST) return file_error(root, errno);
    file.root = UniqueFd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.root.valid()) return absent_or_error(std::move(file), make);
    if (make && mkdirat(file.root.get(), netns.text().c_str(), 0755) < 0 && errno != EEXIST) {
      return file_error(file.path, errno);
    }
    file.directory = open_beneath(file.root.get(), netns.text().c_str(), O_RDONLY | O_DIRECTORY);
    if (!file.directory.valid()) return absent_or_error(std::move(file), make);
    file.fd = open_beneath(file.directory.get(), std::string(name).c_str(), flags);
    if (!file.fd.valid() && errno == ENOENT && make) {
      file.fd = open_beneath(file.directory.get(), std::string(name).c_str(), flags | O_CREAT | O_EXCL, 0644);
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
    OVL_TRY(file.text, read_all(file.fd.get(), file.path));
    return file;
  }

  UniqueFd root;
  UniqueFd directory;
  UniqueFd fd;
  std::string path;
  std::string text;
  bool made = false;  // just now

 private:
  static Result<OpenFile> absent_or_error(OpenFile file, bool make) {
    if (!make && (errno == ENOENT || errno == ENOTDIR)) return file;
    return file_error(file.path, errno);
  }
};

}  // namespace

Result<std::vector<HostsFile>> HostsFiles::observe(const NetnsName& netns) const {
  std::vector<HostsFile> found;
  if (netns.empty()) return found;
  for (const std::string_view name : kFiles) {
    OVL_TRY(const OpenFile file, OpenFile::open(options_, netns, name, O_RDONLY, false));
    Content content = parse(file.text);
    if (!content.owner) continue;
    found.push_back(HostsFile{.netns = netns,
                              .file = std::string(name),
                              .lines = std::move(content.block),
                              .owner = std::move(*content.owner)});
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
    if (file.file == "hosts") {
      const UniqueFd machine(::open(options_.machine_hosts.c_str(), O_RDONLY | O_CLOEXEC));
      if (machine.valid()) {
        OVL_TRY(const std::string lines, read_all(machine.get(), options_.machine_hosts));
        content.front = lines_of(lines);
      }
    }
    content.made = digest(content.front);
    (void)fchmod(open.fd.get(), 0644);  // whatever the umask
  }
  content.owner = file.owner;
  content.block = file.lines;
  ++writes_;
  return write_all(open.fd.get(), print(content), open.text.size(), open.path);
}

Status HostsFiles::update(const HostsFile& file) {
  OVL_CHECK(check(file));
  OVL_TRY(OpenFile open, OpenFile::open(options_, file.netns, file.file, O_RDWR, false));
  Content content = parse(open.text);
  if (!open.fd.valid() || !content.owner) {
    return Error{.code = Errc::not_found,
                 .message = open.path + " has no block of ours any more",
                 .hint = "somebody edits the file: plan again"};
  }
  content.owner = file.owner;
  content.block = file.lines;
  ++writes_;
  return write_all(open.fd.get(), print(content), open.text.size(), open.path);
}

Status HostsFiles::remove(const HostsFile& file) {
  OVL_TRY(OpenFile open, OpenFile::open(options_, file.netns, file.file, O_RDWR, false));
  Content content = parse(open.text);
  if (!open.fd.valid() || !content.owner) return {};
  ++writes_;
  if (!content.made.empty() && content.made == digest(content.front) && content.back.empty()) {
    if (unlinkat(open.directory.get(), file.file.c_str(), 0) < 0) return file_error(open.path, errno);
    // Fails, as it should, when somebody keeps other files there.
    (void)unlinkat(open.root.get(), file.netns.text().c_str(), AT_REMOVEDIR);
    return {};
  }
  content.owner.reset();
  return write_all(open.fd.get(), print(content), open.text.size(), open.path);
}

}  // namespace ovl
