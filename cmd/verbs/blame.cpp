// Who set a value: for `inspect`, whose reader mostly asks next why it is so. Line numbers are compared with
// a commit's only where the file is that commit's, byte by byte.
#include "cmd/verbs/blame.hpp"

#include <map>

#include "reconcile/manifest/declared.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

class Blamer {
 public:
  explicit Blamer(const Context& context) : context_(context) {}

  // None: nobody knows.
  const LineOrigin* origin_of(const Place& place) {
    // One walk through the history for a file, not one for each value of it: git blame costs as much for one
    // line as for all.
    const auto at = files_.find(place.file);
    const std::vector<LineOrigin>& lines = at != files_.end() ? at->second : read(place.file);
    return place.line >= 1 && place.line <= lines.size() ? &lines[place.line - 1] : nullptr;
  }

 private:
  const std::vector<LineOrigin>& read(std::uint32_t file) {
    // Who set a line is an extra beside what is shown. A repository that can't be read is no error of
    // inspect, and is not asked again for the next value.
    auto lines = lines_of(context_.sources()[file]);
    return files_.emplace(file, lines.ok() ? std::move(lines).value() : std::vector<LineOrigin>())
        .first->second;
  }

  [[nodiscard]] Result<std::vector<LineOrigin>> lines_of(const SourceFile& file) const {
    GitRepository* repository = context_.repository();
    const std::string& commit = context_.request().origin.commit;
    if (repository == nullptr || commit.empty()) return std::vector<LineOrigin>();
    std::string path = file.name;
    // A revision's files are named from the repository's root already.
    if (!context_.is_revision()) {
      OVL_TRY(path, repository->path_of(file.name));
    }
    // Lines of a file that was edited since are not the commit's. A file of the work tree may be called like
    // a folder of the commit: no more than the one file is taken.
    const TreeRead one{
        .path = path, .files = 1, .file_bytes = kMaxSourceBytes, .total_bytes = kMaxSourceBytes};
    OVL_TRY(const Sources committed, repository->read(commit, one));
    // One byte more in front, and every line would be another author's.
    if (committed.size() != 1 || committed.front().text != file.text) return std::vector<LineOrigin>();
    return repository->blame(commit, path);
  }

  const Context& context_;
  std::map<std::uint32_t, std::vector<LineOrigin>> files_;
};

}  // namespace

Value blame_json(const Context& context, const std::string& kind, const std::string& name) {
  Blamer blamer(context);
  Value out = Value::array();
  for (const DeclaredValue& value : declared_values(context.sources(), kind, name)) {
    Value item = Value::object();
    item.set("key", value.key);
    item.set("file", safe_text(context.sources()[value.place.file].name));
    item.set("line", static_cast<std::int64_t>(value.place.line));
    // Left out, not null: a value whose origin is not known has none to show.
    if (const LineOrigin* origin = blamer.origin_of(value.place)) {
      item.set("commit", origin->commit);
      item.set("author", safe_text(origin->author));
      item.set("when", origin->when);
    }
    out.push(std::move(item));
  }
  return out;
}

}  // namespace ovl
