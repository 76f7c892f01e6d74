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
    const auto at = files_.find(place.file);
    const std::vector<LineOrigin>& lines = at != files_.end() ? at->second : read(place.file);
    return place.line >= 1 && place.line <= lines.size() ? &lines[place.line - 1] : nullptr;
  }

 private:
  const std::vector<LineOrigin>& read(std::uint32_t file) {
    auto lines = lines_of(context_.sources()[file]);
    return files_.emplace(file, lines.ok() ? std::move(lines).value() : std::vector<LineOrigin>())
        .first->second;
  }

  [[nodiscard]] Result<std::vector<LineOrigin>> lines_of(const SourceFile& file) const {
    GitRepository* repository = context_.repository();
    const std::string& commit = context_.request().origin.commit;
    if (repository == nullptr || commit.empty()) return std::vector<LineOrigin>();
    std::string path = file.name;
    if (!context_.is_revision()) {
      OVL_TRY(path, repository->path_of(file.name));
    }
    // Lines of a file that was edited since are not the commit's.
    const TreeRead one{
        .path = path, .files = 1, .file_bytes = kMaxSourceBytes, .total_bytes = kMaxSourceBytes};
    OVL_TRY(const Sources committed, repository->read(commit, one));
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
