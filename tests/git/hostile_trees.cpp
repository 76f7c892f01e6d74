#include "tests/git/hostile_trees.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

namespace ovl::test {

namespace {

enum class Mode { folder, file, link, submodule, unknown, broken };

Mode mode_of(const std::string& text) {
  static const std::map<std::string, Mode> known{
      {"40000", Mode::folder},     {"040000", Mode::folder},   {"100644", Mode::file},
      {"100755", Mode::file},      {"100664", Mode::file},     {"120000", Mode::link},
      {"160000", Mode::submodule}, {"77777777", Mode::broken}, {"9", Mode::broken}};
  const auto found = known.find(text);
  return found != known.end() ? found->second : Mode::unknown;
}

std::string key_of(const Entry& entry) {
  const bool folder = entry.mode == "40000" || entry.mode == "040000" || entry.mode == "40755";
  return entry.name.text + (folder ? "/" : "");
}

// ---- the model -------------------------------------------------------------------------------------

constexpr std::size_t kMostLevels = 16;

struct Refused {};

// Throws Refused: a model is simpler so, and nothing here is ever linked into the product.
class Model {
 public:
  explicit Model(NodePtr top) : top_(std::move(top)) {}

  FilesByName read(const std::string& path) {
    if (path.empty()) return read_default();
    if (path == ".") {
      walk(top_, "", 0, true);
      return some();
    }
    const Entry* entry = find(path);
    if (entry == nullptr) throw Refused();
    named(*entry, path);
    return some();
  }

 private:
  FilesByName read_default() {
    walk(top_, "", 0, false);
    return some();
  }

  FilesByName some() {
    if (files_.empty() || no_text_) throw Refused();
    return files_;
  }

  void named(const Entry& entry, const std::string& full) {
    const Mode mode = mode_of(entry.mode);
    if (mode == Mode::folder) return walk(entry.node, full, 0, true);
    if (mode != Mode::file) throw Refused();
    take(entry, full);
  }

  void take(const Entry& entry, const std::string& full) {
    if (entry.node->kind != Node::Kind::blob) throw Refused();
    files_[full] = entry.node->text;
    no_text_ = no_text_ || entry.name.fate == Fate::no_text || below_no_text_ > 0;
  }

  // A tree that can be read at all, and whose names mean the same to all who look.
  static void check(const NodePtr& node) {
    if (node->kind != Node::Kind::tree) throw Refused();
    std::set<std::string> names;
    for (std::size_t i = 0; i < node->entries.size(); ++i) {
      const Entry& entry = node->entries[i];
      const bool broken = entry.name.fate == Fate::broken || mode_of(entry.mode) == Mode::broken;
      const bool twice = !names.insert(entry.name.text).second;
      if (broken || twice || (i > 0 && key_of(entry) < key_of(node->entries[i - 1]))) throw Refused();
    }
  }

  void walk(const NodePtr& node, const std::string& folder, std::size_t level, bool recursive) {
    check(node);
    for (const Entry& entry : node->entries) {
      const std::string full = (folder.empty() ? "" : folder + "/") + entry.name.text;
      const Mode mode = mode_of(entry.mode);
      const Fate fate = entry.name.fate;
      if (fate == Fate::refused || mode == Mode::unknown) throw Refused();
      if (mode == Mode::link) {
        link(entry, folder, recursive);
      } else if (mode == Mode::file) {
        if (fate == Fate::manifest || fate == Fate::no_text) take(entry, full);
      } else if (recursive && fate != Fate::hidden) {
        if (mode == Mode::submodule || level == kMostLevels) throw Refused();
        below_no_text_ += fate == Fate::no_text ? 1 : 0;
        walk(entry.node, full, level + 1, recursive);
        below_no_text_ -= fate == Fate::no_text ? 1 : 0;
      }
    }
  }

  // The targets that random_tree() makes are one step from the top, from the folder or nowhere.
  void link(const Entry& entry, const std::string& folder, bool recursive) {
    const Fate fate = entry.name.fate;
    if (fate == Fate::hidden) return;
    if (fate == Fate::manifest || fate == Fate::no_text) throw Refused();
    if (!recursive) return;
    if (entry.node->kind != Node::Kind::blob) throw Refused();
    const std::string& target = entry.node->text;
    if (target.empty() || target.starts_with("/") || target.starts_with("../../../")) return;
    std::string at = folder;
    if (target.starts_with("../")) {
      if (folder.empty()) return;
      at = folder.find('/') == std::string::npos ? "" : folder.substr(0, folder.rfind('/'));
    }
    const std::string name = target.starts_with("../") ? target.substr(3) : target;
    const std::string there = name == "." ? at : (at.empty() ? "" : at + "/") + name;
    if (there.empty()) throw Refused();
    const Entry* found = find(there);
    if (found != nullptr && mode_of(found->mode) == Mode::folder) throw Refused();
  }

  const Entry* find(const std::string& path) {
    NodePtr node = top_;
    for (std::size_t begin = 0;;) {
      check(node);
      const std::size_t slash = path.find('/', begin);
      const std::string name = path.substr(begin, slash - begin);
      const auto entry =
          std::ranges::find(node->entries, name, [](const Entry& one) { return one.name.text; });
      if (entry == node->entries.end()) return nullptr;
      if (slash == std::string::npos) return &*entry;
      if (key_of(*entry) == entry->name.text) return nullptr;
      node = entry->node;
      begin = slash + 1;
    }
  }

  NodePtr top_;
  FilesByName files_;
  bool no_text_ = false;
  int below_no_text_ = 0;
};

// ---- random trees ----------------------------------------------------------------------------------

class Generator {
 public:
  Generator(std::mt19937_64& random, unsigned hostile) : random_(random), hostile_(hostile) {}

  NodePtr tree_of(std::size_t level) {
    std::vector<Entry> entries;
    for (std::size_t count = level == 0 ? 3 + below(5) : below(4); count > 0; --count) {
      Entry made = is_hostile() ? hostile_entry(level) : honest_entry(level);
      const bool there =
          std::ranges::any_of(entries, [&](const Entry& one) { return one.name.text == made.name.text; });
      if (!there || is_hostile()) entries.push_back(std::move(made));
    }
    return tree(std::move(entries), !is_hostile() || below(8) != 0);
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  bool is_hostile() { return below(100) < hostile_; }

  template <class List>
  const auto& one_of(const List& list) {
    return list[below(list.size())];
  }

  NodePtr text() { return blob("# " + std::to_string(below(1000)) + "\n"); }

  Entry honest_entry(std::size_t level) {
    const HostileName& name = one_of(kHonestNames);
    const bool folder = (name.fate == Fate::plain || name.fate == Fate::hidden) && level < 4 && below(4) != 0;
    if (folder) return {"40000", name, tree_of(level + 1)};
    return {below(4) == 0 ? "100755" : "100644", name, text()};
  }

  Entry hostile_entry(std::size_t level) {
    static const std::array<std::string, 8> kTargets{"/etc/shadow", "../x", "../net",        "net",
                                                     ".",           "lib",  "../../../../x", ""};
    static const std::array<std::string, 9> kModes{"120755", "160755", "40755", "0",       "100600",
                                                   "777",    "040000", "9",     "77777777"};
    Entry out = honest_entry(level);
    switch (below(7)) {
      case 0: return {"120000", below(3) == 0 ? one_of(kHostileNames) : out.name, blob(one_of(kTargets))};
      case 1: return {"160000", out.name, missing()};
      case 2: return {out.mode == "40000" ? "100644" : "40000", out.name, out.node};  // the other kind
      case 3: return {out.mode, out.name, missing()};
      case 4: return {one_of(kModes), out.name, out.node};
      default: out.name = one_of(kHostileNames); return out;
    }
  }

  static NodePtr missing() {
    return std::make_shared<Node>(Node{.kind = Node::Kind::missing, .text = {}, .entries = {}});
  }

  std::mt19937_64& random_;
  unsigned hostile_;
};

}  // namespace

NodePtr blob(std::string text) {
  return std::make_shared<Node>(Node{.kind = Node::Kind::blob, .text = std::move(text), .entries = {}});
}

NodePtr tree(std::vector<Entry> entries, bool sorted) {
  if (sorted) std::ranges::stable_sort(entries, {}, key_of);
  return std::make_shared<Node>(Node{.kind = Node::Kind::tree, .text = {}, .entries = std::move(entries)});
}

NodePtr random_tree(std::mt19937_64& random, unsigned hostile) {
  return Generator(random, hostile).tree_of(0);
}

std::optional<FilesByName> expected_files(const NodePtr& top, const std::string& path) {
  try {
    return Model(top).read(path);
  } catch (const Refused&) {
    return std::nullopt;
  }
}

// ---- writing ---------------------------------------------------------------------------------------

ObjectWriter::ObjectWriter(const std::string& repository) {
  git_libgit2_init();
  if (git_repository_open(&repository_, repository.c_str()) != 0) std::abort();
  if (git_repository_odb(&odb_, repository_) != 0) std::abort();
}

ObjectWriter::~ObjectWriter() {
  git_odb_free(odb_);
  git_repository_free(repository_);
  git_libgit2_shutdown();
}

git_oid ObjectWriter::write(const std::string& bytes, git_object_t type) {
  git_oid id;
  if (git_odb_write(&id, odb_, bytes.data(), bytes.size(), type) != 0) std::abort();
  return id;
}

git_oid ObjectWriter::write(const NodePtr& node) {
  if (const auto known = written_.find(node.get()); known != written_.end()) return known->second;
  git_oid id;
  std::fill(std::begin(id.id), std::end(id.id), static_cast<unsigned char>(0xee));
  if (node->kind == Node::Kind::blob) id = write(node->text, GIT_OBJECT_BLOB);
  if (node->kind == Node::Kind::tree) {
    std::string bytes;
    for (const Entry& entry : node->entries)
      bytes += entry_bytes(entry.mode, entry.name.text, write(entry.node));
    id = write(bytes, GIT_OBJECT_TREE);
  }
  return written_[node.get()] = id;
}

std::string ObjectWriter::commit(const NodePtr& node) {
  written_.clear();  // nodes of another tree may be where those were
  std::array<char, GIT_OID_HEXSZ + 1> hex{};
  const git_oid top = write(node);
  git_oid_tostr(hex.data(), hex.size(), &top);
  const git_oid id = write(
      "tree " + std::string(hex.data()) + "\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nhostile\n",
      GIT_OBJECT_COMMIT);
  git_oid_tostr(hex.data(), hex.size(), &id);
  return hex.data();
}

std::string entry_bytes(const std::string& mode, const std::string& name, const git_oid& id) {
  std::string out = mode + " " + name;
  out += '\0';
  for (const unsigned char byte : id.id) out += static_cast<char>(byte);
  return out;
}

}  // namespace ovl::test
