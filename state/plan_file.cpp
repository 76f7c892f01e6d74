#include "state/plan_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "files/read.hpp"
#include "files/trusted_file.hpp"
#include "model/base/digest.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

constexpr std::string_view kMark = "ovl saved plan";
constexpr std::int64_t kFormat = 3;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

Error plan_error(std::string_view what, const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  const std::string_view words = error == ELOOP   ? "it is a symbolic link"
                                 : error == ENXIO ? "it is no regular file"
                                                  : std::strerror(error);
  const Errc code = refused ? Errc::privilege : error == ENOENT ? Errc::not_found : Errc::io;
  const std::string_view hint = error != ENOENT     ? ""
                                : what == "writing" ? "name a file in a folder that is there"
                                                    : "save one with: ovl plan --out FILE";
  return Error{.code = code,
               .message = fmt::format("{} the plan {}: {}", what, path, words),
               .hint = std::string(hint),
               .os_errno = error};
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

// What is applied without a question must be what was planned: nobody else may have written it, or put
// another file in its place.
Status check_writers(const std::string& path, const UniqueFd& plan) {
  struct stat about {};

  if (::fstat(plan.get(), &about) != 0) return plan_error("reading", path, errno);
  const std::string why = others_word(about);
  if (why.empty()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("reading the plan {}: it {}", path, why),
               .hint = "plan again, into a folder of your own"};
}

Result<UniqueFd> open_folder_of(const std::string& path) {
  std::error_code error;
  const auto given = std::filesystem::absolute(path, error).parent_path();
  const auto folder = std::filesystem::canonical(given, error);
  if (error) return plan_error("reading", path, error.value());
  auto fd = open_trusted_folder(folder.string());
  if (fd.ok()) return fd;
  return std::move(fd).error().within(fmt::format("reading the plan {}", path));
}

Result<std::string> read_text(const std::string& path) {
  OVL_TRY(const UniqueFd folder, open_folder_of(path));
  const std::string name = std::filesystem::path(path).filename().string();
  const auto file = open_regular(folder.get(), name, path, Links::refuse);
  if (!file.ok()) return plan_error("reading", path, file.error().os_errno);
  OVL_CHECK(check_writers(path, file.value()));
  auto text = read_open(file.value().get(), path, kMaxBytes);
  if (text.ok()) return text;
  return text.error().os_errno == EFBIG ? too_large(path)
                                        : plan_error("reading", path, text.error().os_errno);
}

}  // namespace

namespace {

// What is in a file, and what its digest is of. Members are written in one order, so that a plan has one
// text.
Value document_of(const Value& plan) {
  Value document = Value::object();
  document.set("format", Value(kMark));
  document.set("format_version", Value(kFormat));
  document.set("plan", plan);
  return document;
}

std::string text_of(const Value& plan) {
  Value document = document_of(plan);
  document.set("digest", Value(sha256_hex(document.json())));
  return document.json() + "\n";
}

}  // namespace

Status write_plan_file(const std::string& path, const Value& plan) {
  const std::string text = text_of(plan);
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
  if (*number < kFormat) return no_plan(path, "an older ovl saved it; plan again");
  const Value* plan = document.value().find("plan");
  if (plan == nullptr) return no_plan(path, "there is none in it");
  // Every byte counts: what the digest does not cover can't be there.
  if (text != text_of(*plan)) return no_plan(path, "it was changed since it was saved");
  return *plan;
}

}  // namespace ovl
