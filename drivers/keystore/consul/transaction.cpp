#include "drivers/keystore/consul/transaction.hpp"

#include <algorithm>

#include "model/value.hpp"

namespace ovl {

namespace {

using Role = TxnRequest::Role;

// An answer repeats the keys, without their values.
constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

std::int64_t to_int(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

std::uint64_t number_of(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  const std::int64_t* number = member == nullptr ? nullptr : member->as_int();
  return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

std::string text_of(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  const std::string* text = member == nullptr ? nullptr : member->as_string();
  return text == nullptr ? std::string() : *text;
}

class Builder {
 public:
  Builder(const ConsulApi& api, const TxnContext& context) : api_(api), context_(context) {}

  void add_guard(const Guard& guard, std::size_t at) {
    if (guard.kind == Guard::Kind::absent) {
      add(operation("check-not-exists", guard.key), Role::guard, at);
      return;
    }
    const auto life = context_.lives.find(guard.key);
    const bool by_life = guard.kind == Guard::Kind::same_life && life != context_.lives.end();
    add_check(guard.key, by_life ? life->second : guard.revision, at);
  }

  void add_check(const std::string& key, Revision revision, std::size_t at) {
    Value check = operation("check-index", key);
    check.set("Index", to_int(revision));
    add(std::move(check), Role::guard, at);
  }

  void add_write(const Write& write, std::size_t at) {
    if (!write.value) {
      add(operation("delete", write.key), Role::remove, at);
      return;
    }
    const auto holder = context_.holders.find(write.key);
    // "set" would leave the key with its holder; "unlock" writes and frees it.
    if (holder != context_.holders.end() && holder->second != write.session) {
      add_put("unlock", write, holder->second, Role::free, at);
    } else if (write.session.empty()) {
      add_put("set", write, "", Role::put, at);
    }
    if (!write.session.empty()) add_put("lock", write, write.session, Role::lock, at);
  }

  TxnRequest take() {
    request_.json = operations_.json();
    return std::move(request_);
  }

 private:
  [[nodiscard]] Value operation(std::string_view verb, std::string_view key) const {
    Value out = Value::object();
    out.set("Verb", verb);
    out.set("Key", api_.full_key(key));
    return out;
  }

  void add_put(std::string_view verb, const Write& write, const std::string& session, Role role,
               std::size_t at) {
    Value put = operation(verb, write.key);
    put.set("Value", to_base64(*write.value));
    put.set("Flags", to_int(context_.flags));
    if (!session.empty()) put.set("Session", session);
    add(std::move(put), role, at);
  }

  void add(Value operation, Role role, std::size_t at) {
    Value wrapped = Value::object();
    wrapped.set("KV", std::move(operation));
    operations_.push(std::move(wrapped));
    request_.steps.push_back({role, at});
  }

  const ConsulApi& api_;
  const TxnContext& context_;
  Value operations_ = Value::array();
  TxnRequest request_;
};

void take_result(const Value& result, TxnAnswer& answer) {
  const Value* entry = result.find("KV");
  if (entry == nullptr) return;
  answer.revision = std::max(answer.revision, number_of(*entry, "ModifyIndex"));
  const std::string key = text_of(*entry, "Key");
  const std::string holder = text_of(*entry, "Session");
  // The last operation on a key counts.
  answer.holders.erase(key);
  if (!holder.empty()) answer.holders.emplace(key, holder);
}

const Value::Array* list_of(const Value& root, std::string_view name) {
  const Value* member = root.find(name);
  return member == nullptr ? nullptr : member->as_array();
}

}  // namespace

TxnRequest make_request(const ConsulApi& api, const Transaction& transaction, const TxnContext& context) {
  const bool again = !context.rewritten.empty();
  Builder builder(api, context);
  for (const auto& [key, revision] : context.rewritten) builder.add_check(key, revision, 0);
  // What is written again had its guards the first time.
  for (std::size_t i = 0; !again && i < transaction.guards.size(); ++i) {
    builder.add_guard(transaction.guards[i], i);
  }
  for (std::size_t i = 0; i < transaction.writes.size(); ++i) {
    const Write& write = transaction.writes[i];
    if (!again || context.rewritten.contains(write.key)) builder.add_write(write, i);
  }
  return builder.take();
}

Result<TxnAnswer> parse_answer(const HttpResponse& response) {
  OVL_TRY(const Value root, Value::parse_json(response.body, kMaxAnswer));
  TxnAnswer answer;
  const Value::Array* errors = list_of(root, "Errors");
  for (std::size_t i = 0; errors != nullptr && i < errors->size(); ++i) {
    answer.problems.push_back({number_of((*errors)[i], "OpIndex"), text_of((*errors)[i], "What")});
  }
  const Value::Array* results = list_of(root, "Results");
  for (std::size_t i = 0; results != nullptr && i < results->size(); ++i) take_result((*results)[i], answer);
  const bool says_no = response.status == 409;
  if (says_no == !answer.problems.empty() && response.status != 404 && (says_no || results != nullptr)) {
    return answer;
  }
  return Error{.code = Errc::corrupt, .message = "the answer to a transaction makes no sense"};
}

}  // namespace ovl
