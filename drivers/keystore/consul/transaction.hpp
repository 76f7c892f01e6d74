// One transaction of the port as operations of PUT /v1/txn, and its answer.
// https://developer.hashicorp.com/consul/api-docs/txn
#pragma once

#include <map>
#include <string>

#include "drivers/keystore/consul/api.hpp"

namespace ovl {

// A server takes 64 operations (maxTxnOps, agent/txn_endpoint.go; newer ones 128). One is kept for the
// key that another session holds, which takes two.
inline constexpr std::size_t kConsulOperations = 63;

// Whether "cas" checks and writes the key at once. There is no such operation with a session, and that
// which deletes, "delete-cas", takes a key that is not there for deleted.
bool is_one_operation(const Guard& guard, const Write& write);

// What must be known of single keys before their operations can be written.
struct TxnContext {
  std::map<std::string, Revision> lives;       // of same_life guards: the key's revision now
  std::map<std::string, std::string> holders;  // of written keys: the session that holds them
  // When not empty: only these keys are written, if they still are at that revision.
  std::map<std::string, Revision> rewritten;
  std::uint64_t flags = 0;
};

// The operations as JSON, and which of them belongs to which guard or write.
struct TxnRequest {
  enum class Role { guard, put, lock, remove, free };

  struct Step {
    Role role = Role::guard;
    std::size_t at = 0;  // in the transaction's guards or writes
  };

  std::string json;
  std::vector<Step> steps;
};

TxnRequest make_request(const ConsulApi& api, const Transaction& transaction, const TxnContext& context);

struct TxnAnswer {
  Revision revision = 0;                       // 0: nothing that is there was written
  std::map<std::string, std::string> holders;  // full keys that a session holds, with it

  struct Problem {
    std::size_t step = 0;
    std::string what;
  };

  std::vector<Problem> problems;  // none: it was committed
};

// Error: corrupt.
Result<TxnAnswer> parse_answer(const HttpResponse& response);

}  // namespace ovl
