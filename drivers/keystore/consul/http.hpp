// One HTTP connection to one Consul agent, over libcurl: requests with a bound on their time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/url.hpp"

namespace ovl {

struct HttpRequest {
  std::string method = "GET";
  std::string path;  // with its query, escaped: "/v1/kv/a?recurse"
  std::string body = {};
  // For the answer to begin and, again, for each kGoodAnswer bytes of it.
  std::chrono::milliseconds timeout{5000};
  // Gets the body of an answer 200 as it comes, so that nobody holds the whole. An error ends the request.
  std::function<Status(std::string_view)> take = {};

  static constexpr std::size_t kGoodAnswer = std::size_t{4} << 20;
};

struct HttpResponse {
  long status = 0;
  Revision index = 0;     // X-Consul-Index; 0: there was none
  bool filtered = false;  // X-Consul-Results-Filtered-By-ACLs: part of the answer was withheld
  std::string body = {};  // empty when the request took it as it came
};

class HttpClient {
 public:
  // Errors: usage (a token with control characters), unreachable (no memory).
  static Result<HttpClient> open(const KeystoreUrl& url, const KeystoreOptions& options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Errors: unreachable (the server certainly saw nothing), in_doubt (it may have), corrupt (the
  // answer has no end), and those of the request's take().
  Result<HttpResponse> perform(const HttpRequest& request);

 private:
  struct Curl;
  explicit HttpClient(std::unique_ptr<Curl> curl);

  std::unique_ptr<Curl> curl_;
};

}  // namespace ovl
