#include <etcd_rpc.grpc.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "bench/raw_store.hpp"

namespace ovl::bench {

namespace {

using namespace etcdserverpb;  // NOLINT(google-build-using-namespace): nothing else is spoken here

// --max-txn-ops.
constexpr std::size_t kPuts = 128;
constexpr std::int64_t kPage = 10'000;

void check(const grpc::Status& status) {
  if (!status.ok()) fail(status.error_message());
}

class RawEtcd final : public RawStore {
 public:
  explicit RawEtcd(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    stub_ = KV::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }

  void publish(const std::vector<Item>& items) override {
    for (std::size_t at = 0; at < items.size(); at += kPuts) {
      TxnRequest request;
      for (std::size_t i = at; i < std::min(items.size(), at + kPuts); ++i) {
        PutRequest& put = *request.add_success()->mutable_request_put();
        put.set_key(items[i].key);
        put.set_value(items[i].value);
      }
      grpc::ClientContext context;
      TxnResponse response;
      check(stub_->Txn(&context, request, &response));
    }
  }

  std::vector<Item> read(const std::string& prefix) override {
    std::vector<Item> items;
    RangeRequest request;
    std::string end = prefix;
    ++end.back();
    request.set_key(prefix);
    request.set_range_end(end);
    request.set_limit(kPage);
    for (bool more = true; more;) {
      grpc::ClientContext context;
      RangeResponse page;
      check(stub_->Range(&context, request, &page));
      for (auto& entry : *page.mutable_kvs()) {
        items.push_back({std::move(*entry.mutable_key()), std::move(*entry.mutable_value())});
      }
      more = page.more();
      if (request.revision() == 0) request.set_revision(page.header().revision());
      if (more) request.set_key(items.back().key + '\0');
    }
    return items;
  }

 private:
  std::unique_ptr<KV::Stub> stub_;
};

}  // namespace

std::unique_ptr<RawStore> raw_etcd(const std::string& address) {
  return std::make_unique<RawEtcd>(address);
}

}  // namespace ovl::bench
