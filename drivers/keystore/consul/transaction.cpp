#include "drivers/keystore/consul/transaction.hpp"

#include <algorithm>

#include "drivers/keystore/check.hpp"
#include "model/base/value.hpp"

namespace ovl {

namespace {

using Role = TxnRequest::Role;

// An answer repeats the keys, without their values.
constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

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

// The operations as text. Why not a Value: a hundred thousand records are written here, and the tree of
// each transaction would cost more than its sending.
class Builder {
 public:
  Builder(const ConsulApi& api, const TxnContext& context) : api_(api), context_(context) {}

  void add_guard(const Guard& guard, std::size_t at) {
    if (guard.kind == Guard::Kind::absent) {
      add("check-not-exists", guard.key, {}, Role::guard, at);
    } else {
      add_check(guard.key, revision_of(guard), at);
    }
  }

  void add_check(const std::string& key, Revision revision, std::size_t at) {
    add("check-index", key, {.index = revision}, Role::guard, at);
  }

  // A write with its guard in one operation.
  void add_guarded(const Write& write, const Guard& guard, std::size_t at) {
    add("cas", write.key, {.index = revision_of(guard), .value = &*write.value}, Role::guard, at);
  }

  void add_write(const Write& write, std::size_t at) {
    if (!write.value) return add("delete", write.key, {}, Role::remove, at);
    const auto holder = context_.holders.find(write.key);
    // "set" would leave the key with its holder; "unlock" writes and frees it.
    if (holder != context_.holders.end() && holder->second != write.session) {
      add("unlock", write.key, {.value = &*write.value, .session = holder->second}, Role::free, at);
    } else if (write.session.empty()) {
      add("set", write.key, {.value = &*write.value}, Role::put, at);
    }
    if (write.session.empty()) return;
    add("lock", write.key, {.value = &*write.value, .session = write.session}, Role::lock, at);
  }

  TxnRequest take() {
    request_.json += request_.json.empty() ? "[]" : "]";
    return std::move(request_);
  }

 private:
  // What an operation has beside its verb and key.
  struct Members {
    std::optional<Revision> index = {};
    const std::string* value = nullptr;
    std::string_view session = {};
  };

  // "cas" with index 0 is "when it is not there".
  [[nodiscard]] Revision revision_of(const Guard& guard) const {
    if (guard.kind == Guard::Kind::absent) return 0;
    const auto life = context_.lives.find(guard.key);
    const bool by_life = guard.kind == Guard::Kind::same_life && life != context_.lives.end();
    return by_life ? life->second : guard.revision;
  }

  void add(std::string_view verb, const std::string& key, const Members& members, Role role, std::size_t at) {
    std::string& json = request_.json;
    json += json.empty() ? "[" : ",";
    json += R"({"KV":{"Verb":")";
    json += verb;
    json += R"(","Key":)";
    append_json_string(json, api_.full_key(key));
    if (members.index) json += R"(,"Index":)" + std::to_string(*members.index);
    if (members.value != nullptr) {
      json += R"(,"Value":")";
      append_base64(json, *members.value);
      json += R"(","Flags":)" + std::to_string(context_.flags);
    }
    if (!members.session.empty()) {
      json += R"(,"Session":)";
      append_json_string(json, members.session);
    }
    json += "}}";
    request_.steps.push_back({role, at});
  }

  const ConsulApi& api_;
  const TxnContext& context_;
  TxnRequest request_;
};

// What is written again had its guards the first time.
TxnRequest make_rewrite(const ConsulApi& api, const Transaction& transaction, const TxnContext& context) {
  Builder builder(api, context);
  for (const auto& [key, revision] : context.rewritten) builder.add_check(key, revision, 0);
  for (std::size_t i = 0; i < transaction.writes.size(); ++i) {
    const Write& write = transaction.writes[i];
    if (context.rewritten.contains(write.key)) builder.add_write(write, i);
  }
  return builder.take();
}

// The last operation on a key counts.
void take_entry(const std::string& key, const std::string& holder, Revision modified, TxnAnswer& answer) {
  answer.revision = std::max(answer.revision, modified);
  if (!answer.holders.empty()) answer.holders.erase(key);
  if (!holder.empty()) answer.holders.emplace(key, holder);
}

void take_result(const Value& result, TxnAnswer& answer) {
  const Value* entry = result.find("KV");
  if (entry == nullptr) return;
  take_entry(text_of(*entry, "Key"), text_of(*entry, "Session"), number_of(*entry, "ModifyIndex"), answer);
}

// Most answers, without the tree that a Value is: it takes longer than the server does.
std::optional<TxnAnswer> parse_plain_answer(const HttpResponse& response) {
  if (response.status != 200) return std::nullopt;
  const auto entries = parse_results(response.body);
  if (!entries.ok()) return std::nullopt;
  TxnAnswer answer;
  for (const KvEntry& entry : entries.value()) {
    take_entry(entry.item.key, entry.session, entry.item.modified, answer);
  }
  return answer;
}

const Value::Array* list_of(const Value& root, std::string_view name) {
  const Value* member = root.find(name);
  return member == nullptr ? nullptr : member->as_array();
}

}  // namespace

bool is_one_operation(const Guard& guard, const Write& write) {
  const bool is_plain_put = write.value && write.session.empty();
  // With index 0, which is "never" in a guard, it would make the key.
  return is_plain_put && (guard.kind == Guard::Kind::absent || guard.revision != 0);
}

TxnRequest make_request(const ConsulApi& api, const Transaction& transaction, const TxnContext& context) {
  if (!context.rewritten.empty()) return make_rewrite(api, transaction, context);
  Builder builder(api, context);
  auto paired = paired_guards(transaction, is_one_operation);
  for (std::size_t i = 0; i < paired.size(); ++i) {
    if (context.holders.contains(transaction.writes[i].key)) paired[i] = nullptr;
  }
  const auto place_of = [&](const Guard* guard) {
    return static_cast<std::size_t>(guard - transaction.guards.data());
  };
  for (const Guard* guard : guards_apart(transaction, paired)) builder.add_guard(*guard, place_of(guard));
  for (std::size_t i = 0; i < paired.size(); ++i) {
    if (paired[i] == nullptr) {
      builder.add_write(transaction.writes[i], i);
    } else {
      builder.add_guarded(transaction.writes[i], *paired[i], place_of(paired[i]));
    }
  }
  return builder.take();
}

Result<TxnAnswer> parse_answer(const HttpResponse& response) {
  if (auto plain = parse_plain_answer(response)) return std::move(*plain);
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
