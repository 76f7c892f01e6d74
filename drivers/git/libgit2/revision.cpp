#include "drivers/git/libgit2/revision.hpp"

#include <string_view>

#include "drivers/git/ref_name.hpp"

namespace ovl::git {

namespace {

// The fewest digits that an id may be shortened to (GIT_OID_MINPREFIXLEN).
constexpr std::size_t kShortestId = 4;

bool has_ref(git_repository* repository, const std::string& name) {
  git_oid id;
  return git_reference_name_to_id(&id, repository, name.c_str()) == 0;
}

// Whether git would take a name for a ref's, in any of its ways (refs.c, ref_rev_parse_rules).
bool is_taken(git_repository* repository, const std::string& name) {
  git_reference* raw = nullptr;
  const bool found = git_reference_dwim(&raw, repository, name.c_str()) == 0;
  const ReferenceHandle handle(raw);
  return found;
}

// HEAD and what git keeps beside it: names that nobody can push.
bool is_own(std::string_view base) {
  return base == "HEAD" || base == "FETCH_HEAD" || base == "ORIG_HEAD" || base == "MERGE_HEAD";
}

// The ref that a name means; empty: there is none.
std::string ref_of(git_repository* repository, const std::string& base) {
  std::string full = is_own(base) ? base : full_ref(base);
  if (has_ref(repository, full)) return full;
  if (!full.starts_with("refs/heads/") || full == base || full == "refs/" + base) return {};
  for (const std::string& name : {"refs/remotes/" + base, "refs/remotes/" + base + "/HEAD"}) {
    if (has_ref(repository, name)) return name;
  }
  return {};
}

// The id that hexadecimal digits are, or begin; empty: none, or several.
std::string id_of(git_repository* repository, const std::string& base) {
  if (is_object_id(base)) return base;
  git_oid prefix;
  git_object* raw = nullptr;
  const bool is_short = base.size() >= kShortestId && base.size() < GIT_OID_HEXSZ &&
                        git_oid_fromstrp(&prefix, base.c_str()) == 0;
  if (!is_short || git_object_lookup_prefix(&raw, repository, &prefix, base.size(), GIT_OBJECT_ANY) != 0)
    return {};
  const ObjectHandle object(raw);
  return text_of(*git_object_id(raw));
}

Error no_revision(git_repository* repository, const std::string& revision, const std::string& base) {
  const bool is_tag = has_ref(repository, "refs/tags/" + base);
  Error error{.code = Errc::not_found, .message = fmt::format("git: there is no commit \"{}\"", revision)};
  error.hint = is_tag ? fmt::format("a short name is a branch's; the tag is tags/{}", base)
                      : "name a branch, a tag as tags/NAME, or a commit; see git log, and git fetch for what "
                        "others have pushed";
  return error;
}

Result<ObjectHandle> parsed(git_repository* repository, const std::string& revision,
                            const std::string& expression, const std::string& base) {
  git_object* raw = nullptr;
  if (git_revparse_single(&raw, repository, expression.c_str()) != 0)
    return no_revision(repository, revision, base);
  return ObjectHandle(raw);
}

Result<ObjectHandle> by_id(git_repository* repository, const std::string& revision, const std::string& id,
                           const std::string& rest, const std::string& base) {
  if (!rest.empty()) {
    if (is_taken(repository, id)) return no_revision(repository, revision, base);
    return parsed(repository, revision, id + rest, base);
  }
  git_oid oid;
  git_object* raw = nullptr;
  if (id.size() != GIT_OID_HEXSZ || git_oid_fromstr(&oid, id.c_str()) != 0 ||
      git_object_lookup(&raw, repository, &oid, GIT_OBJECT_ANY) != 0) {
    return no_revision(repository, revision, base);
  }
  return ObjectHandle(raw);
}

// Looked for before it is parsed: git_revparse_single() of libgit2 1.5 keeps a reference for ever whose
// object is not there.
Result<ObjectHandle> by_ref(git_repository* repository, const std::string& revision, const std::string& ref,
                            const std::string& rest, const std::string& base) {
  git_oid oid;
  git_object* raw = nullptr;
  if (git_reference_name_to_id(&oid, repository, ref.c_str()) != 0 ||
      git_object_lookup(&raw, repository, &oid, GIT_OBJECT_ANY) != 0) {
    return no_revision(repository, revision, base);
  }
  ObjectHandle object(raw);
  if (rest.empty()) return object;
  return parsed(repository, revision, ref + rest, base);
}

}  // namespace

Result<ObjectHandle> find_revision(git_repository* repository, const std::string& revision) {
  const std::string_view lead = revision_base(revision);
  const std::string base(lead == "@" ? "HEAD" : lead);
  const std::string rest = revision.substr(lead.size());
  if (base.empty()) return parsed(repository, revision, revision, base);  // @{1}, :/words
  const std::string ref = is_object_id(base) ? std::string() : ref_of(repository, base);
  if (!ref.empty()) return by_ref(repository, revision, ref, rest, base);
  const std::string id = id_of(repository, base);
  if (id.empty()) return no_revision(repository, revision, base);
  return by_id(repository, revision, id, rest, base);
}

}  // namespace ovl::git
