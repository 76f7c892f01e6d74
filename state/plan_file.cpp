#include "state/plan_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "model/handle.hpp"

namespace ovl {

namespace {

constexpr std::string_view kMark = "ovl saved plan";
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

Error plan_error(std::string_view what, const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  const std::string_view words = error == ELOOP ? "it is a symbolic link" : std::strerror(error);
  const Errc code = refused ? Errc::privilege : error == ENOENT ? Errc::not_found : Errc::io;
  return Error{
      .code = code, .message = fmt::format("{} the plan {}: {}", what, path, words), .os_errno = error};
}

Error no_plan(const std::string& path, std::string_view why) {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{} is no saved plan: {}", path, why),
               .hint = "save one with: ovl plan --out FILE"};
}

// A file under a temporary name that goes away unless it got its real one.
class TemporaryFile {
 public:
  static Result<TemporaryFile> make(const std::string& target) {
    std::string name = target + ".XXXXXX";
    // Kernel: mkostemp() opens with O_EXCL, which follows no link, and mode 0600.
    UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd.valid()) return plan_error("writing", target, errno);
    return TemporaryFile(std::move(fd), std::move(name));
  }

  TemporaryFile(TemporaryFile&& other) noexcept
      : fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}

  TemporaryFile& operator=(TemporaryFile&&) = delete;

  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  Status fill(const std::string& target, std::string_view text) {
    if (::fchmod(fd_.get(), S_IRUSR | S_IWUSR) != 0) return plan_error("writing", target, errno);
    while (!text.empty()) {
      const ssize_t written = ::write(fd_.get(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return plan_error("writing", target, errno);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd_.get()) != 0) return plan_error("writing", target, errno);
    return {};
  }

  Status rename_to(const std::string& target) {
    if (::rename(name_.c_str(), target.c_str()) != 0) return plan_error("writing", target, errno);
    name_.clear();
    return {};
  }

 private:
  TemporaryFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  UniqueFd fd_;
  std::string name_;
};

// rename() would replace a link or a device without a word.
Status refuse_special_target(const std::string& path) {
  struct stat about {};

  if (::lstat(path.c_str(), &about) != 0) {
    if (errno == ENOENT) return {};
    return plan_error("writing", path, errno);
  }
  if (S_ISREG(about.st_mode)) return {};
  return Error{
      .code = Errc::io,
      .message = fmt::format("writing the plan {}: there is something that is no regular file", path),
      .hint = "name another file"};
}

Status sync_parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const UniqueFd fd(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return plan_error("writing", path, errno);
  return {};
}

Error too_large(const std::string& path) {
  return Error{
      .code = Errc::io,
      .message = fmt::format("reading the plan {}: it is larger than {} MiB", path, kMaxBytes >> 20)};
}

Result<std::string> read_text(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));

  struct stat about {};

  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) return plan_error("reading", path, errno);
  if (!S_ISREG(about.st_mode)) {
    return Error{.code = Errc::io,
                 .message = fmt::format("reading the plan {}: it is no regular file", path)};
  }
  if (about.st_size > static_cast<off_t>(kMaxBytes)) return too_large(path);
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return plan_error("reading", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace

Status write_plan_file(const std::string& path, const Value& plan) {
  Value document = Value::object();
  document.set("format", Value(kMark));
  document.set("format_version", Value(kFormat));
  document.set("plan", plan);
  const std::string text = document.json() + "\n";
  if (text.size() > kMaxBytes) return too_large(path);
  OVL_CHECK(refuse_special_target(path));
  OVL_TRY(TemporaryFile file, TemporaryFile::make(path));
  OVL_CHECK(file.fill(path, text));
  OVL_CHECK(file.rename_to(path));
  return sync_parent(path);
}

Result<Value> read_plan_file(const std::string& path) {
  OVL_TRY(const std::string text, read_text(path));
  auto document = Value::parse_json(text, kMaxBytes);
  if (!document.ok()) return no_plan(path, document.error().message);
  const Value* mark = document.value().find("format");
  if (mark == nullptr || *mark != Value(kMark)) return no_plan(path, "it has no mark of one");
  const Value* version = document.value().find("format_version");
  const std::int64_t* number = version == nullptr ? nullptr : version->as_int();
  if (number == nullptr || *number < 1) return no_plan(path, "its format has no number");
  if (*number > kFormat) {
    return Error{.code = Errc::unsupported,
                 .message = fmt::format("the plan {} was saved by a newer ovl (format {}, this one knows {})",
                                        path, *number, kFormat),
                 .hint = "apply it with the newer ovl, or plan again"};
  }
  const Value* plan = document.value().find("plan");
  if (plan == nullptr) return no_plan(path, "there is none in it");
  return *plan;
}

}  // namespace ovl
