#include "drivers/keystore/consul/commit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

using Role = TxnRequest::Role;

// Each further attempt means that somebody wrote in the milliseconds since our look.
constexpr int kMaxAttempts = 50;

}  // namespace

bool Commit::removes() const {
  return std::ranges::any_of(transaction_.writes, [](const Write& write) { return !write.value; });
}

Result<CommitResult> Commit::run() {
  // Consul takes none, with success; there is nothing to ask.
  if (transaction_.guards.empty() && transaction_.writes.empty()) return CommitResult{.committed = true};
  for (int i = 0; i < kMaxAttempts; ++i) {
    OVL_TRY(const Next next, attempt());
    if (next == Next::refused) return CommitResult{};
    if (next == Next::again) continue;
    claims_.committed(revision_, removes());
    if (revision_ == 0) {
      OVL_TRY(revision_, revision_of_removal());
    }
    return CommitResult{.committed = true, .revision = revision_};
  }
  return api_.error(Errc::unreachable, "others write these keys all the time, nothing was written",
                    "try again when there is less going on");
}

Result<Commit::Next> Commit::attempt() {
  OVL_TRY(const bool alive, look_up_lives());
  if (!alive) return Next::refused;
  context_.flags = claims_.next(removes());
  const TxnRequest request = make_request(api_, transaction_, context_);
  OVL_TRY(const TxnAnswer answer, send(request));
  if (!answer.problems.empty()) return solve(request, answer);
  revision_ = answer.revision;
  OVL_CHECK(free_held_keys(answer));
  return Next::done;
}

Result<TxnAnswer> Commit::send(const TxnRequest& request) {
  OVL_TRY(const HttpResponse response, api_.put_once("/v1/txn", request.json));
  auto answer = parse_answer(response);
  if (answer.ok()) return answer;
  // It answered, but not in words that we know: whether it wrote is open.
  return api_.error(Errc::in_doubt, answer.error().message, "check that the address is a Consul agent's");
}

Result<bool> Commit::look_up_lives() {
  for (const Guard& guard : transaction_.guards) {
    if (guard.kind != Guard::Kind::same_life) continue;
    const auto known = lives_.find(guard.key);
    if (known == lives_.end() || known->second.created != guard.revision) {
      OVL_TRY(const auto entry, api_.get(guard.key));
      if (!entry || entry->item.created != guard.revision) return false;
      lives_[guard.key] = {.created = entry->item.created, .modified = entry->item.modified};
    }
    context_.lives[guard.key] = lives_[guard.key].modified;
  }
  return true;
}

Result<bool> Commit::look_up_holder(const std::string& key) {
  OVL_TRY(const auto entry, api_.get(key));
  const std::string now = entry ? entry->session : std::string();
  const auto known = context_.holders.find(key);
  const bool moved = now != (known == context_.holders.end() ? std::string() : known->second);
  if (now.empty()) {
    context_.holders.erase(key);
  } else {
    context_.holders[key] = now;
  }
  return moved;
}

// Guards come first: when one does not hold nothing else matters.
Result<Commit::Next> Commit::solve(const TxnRequest& request, const TxnAnswer& answer) {
  const auto is_known = [&](const auto& problem) { return problem.step < request.steps.size(); };
  if (!std::ranges::all_of(answer.problems, is_known)) {
    return api_.error(Errc::corrupt, "the server refuses an operation that it was not given");
  }
  bool again = false;
  for (const auto& problem : answer.problems) {
    OVL_CHECK(check_permission(problem.what));
    const auto& step = request.steps[problem.step];
    if (step.role != Role::guard) continue;
    // attempt() looks whether its life goes on.
    const Guard& guard = transaction_.guards[step.at];
    if (guard.kind != Guard::Kind::same_life) return Next::refused;
    lives_.erase(guard.key);
    again = true;
  }
  if (again) return Next::again;
  for (const auto& problem : answer.problems) {
    OVL_CHECK(solve_write(transaction_.writes[request.steps[problem.step].at], problem.what));
  }
  return Next::again;
}

// Rights are checked per operation; a guard that may not look has not failed.
Status Commit::check_permission(const std::string& what) const {
  if (what.find("Permission denied") == std::string::npos) return {};
  return api_.error(Errc::privilege, fmt::format("the token may not do this: {}", what),
                    "give a token whose policy has key_prefix and session_prefix with \"write\"");
}

Result<Commit::Next> Commit::solve_write(const Write& write, const std::string& what) {
  const bool is_session = what.starts_with("invalid session") || what.starts_with("failed session lookup");
  if (is_session && !write.session.empty()) {
    return api_.error(Errc::not_found, "the session has ended",
                      "open a new session and write its keys again");
  }
  OVL_TRY(const bool moved, look_up_holder(write.key));
  if (moved || what.find("already held") != std::string::npos) return Next::again;
  return api_.error(Errc::usage, fmt::format("the write of {} is refused: {}", write.key, what));
}

// A key that is still somebody's although it was written without a session.
Status Commit::free_held_keys(const TxnAnswer& answer) {
  context_.holders.clear();
  for (const Write& write : transaction_.writes) {
    const auto held = answer.holders.find(api_.full_key(write.key));
    const bool is_set = write.value && write.session.empty();
    if (is_set && held != answer.holders.end()) context_.holders[write.key] = held->second;
  }
  if (context_.holders.empty()) return {};
  // All of them where they fit with their checks, so that they keep one revision.
  const bool all = transaction_.writes.size() * 2 <= kConsulOperations;
  for (const Write& write : transaction_.writes) {
    const bool is_put = write.value.has_value();
    if (is_put && (all || context_.holders.contains(write.key))) context_.rewritten[write.key] = revision_;
  }
  context_.flags = claims_.next(false);
  auto freed = send(make_request(api_, transaction_, context_));
  if (!freed.ok()) {
    Error error = std::move(freed).error();
    error.code = Errc::in_doubt;
    return error;
  }
  // A problem: somebody wrote it after us, or the session has ended and taken it along. Both are later.
  if (freed.value().problems.empty()) revision_ = freed.value().revision;
  return {};
}

// The answer to a deletion has no index. That of a look at the removed key is the deletion's, or a later
// one when there is more below that name.
Result<Revision> Commit::revision_of_removal() {
  const std::string& key =
      transaction_.writes.empty() ? transaction_.guards.front().key : transaction_.writes.front().key;
  auto index = api_.index_of(key);
  if (index.ok() || transaction_.writes.empty()) return index;
  Error error = std::move(index).error();
  error.code = Errc::in_doubt;
  return error;
}

}  // namespace ovl
