// libgit2's handles and errors, for the files of this driver.
#pragma once

#include <fmt/format.h>
#include <git2.h>

#include <string>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl::git {

using RepositoryHandle = Handle<git_repository, git_repository_free>;
using ReferenceHandle = Handle<git_reference, git_reference_free>;
using ObjectHandle = Handle<git_object, git_object_free>;
using CommitHandle = Handle<git_commit, git_commit_free>;
using TreeHandle = Handle<git_tree, git_tree_free>;
using EntryHandle = Handle<git_tree_entry, git_tree_entry_free>;
using DiffHandle = Handle<git_diff, git_diff_free>;
using WalkHandle = Handle<git_revwalk, git_revwalk_free>;
using OdbHandle = Handle<git_odb, git_odb_free>;
using OdbObjectHandle = Handle<git_odb_object, git_odb_object_free>;
using IndexHandle = Handle<git_index, git_index_free>;
using ConfigHandle = Handle<git_config, git_config_free>;
using ConfigIteratorHandle = Handle<git_config_iterator, git_config_iterator_free>;
using BlameHandle = Handle<git_blame, git_blame_free>;

// A text that libgit2 allocated.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  ~Buffer() { git_buf_dispose(&raw_); }

  git_buf* get() { return &raw_; }

  [[nodiscard]] std::string text() const {
    return raw_.ptr != nullptr ? std::string(raw_.ptr, raw_.size) : std::string();
  }

 private:
  git_buf raw_ = GIT_BUF_INIT;
};

// libgit2's own text for what it failed at last in this thread.
inline Error error_of(const std::string& doing, Errc code = Errc::io) {
  const auto* error = git_error_last();
  return Error{.code = code,
               .message = fmt::format("git: {}: {}", doing, error != nullptr ? error->message : "it failed")};
}

inline std::string text_of(const git_oid& oid) {
  std::string text(GIT_OID_HEXSZ, '0');
  git_oid_fmt(text.data(), &oid);
  return text;
}

inline std::string text_of(const char* text) {
  return text != nullptr ? std::string(text) : std::string();
}

}  // namespace ovl::git
