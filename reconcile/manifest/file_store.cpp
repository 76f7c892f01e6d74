#include "reconcile/manifest/file_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <set>

#include "drivers/keystore/url.hpp"
#include "reconcile/words/host_words.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostNamed = 4;

std::set<HostName> silent_hosts(const HostName& here, const Records& desired, const Facts& facts) {
  std::set<HostName> out;
  for (const EndpointRecord& endpoint : desired.endpoints) {
    if (endpoint.host != here && facts.host(endpoint.host) == nullptr) out.insert(endpoint.host);
  }
  return out;
}

// As a lab's hosts have theirs: a mount of this one file.
bool is_mounted(const std::string& path) {
  struct stat file {};

  struct stat folder {};

  const std::string parent = path.substr(0, path.rfind('/') + 1);
  return stat(path.c_str(), &file) == 0 && stat(parent.c_str(), &folder) == 0 && file.st_dev != folder.st_dev;
}

}  // namespace

std::optional<Finding> file_for_others(const std::string& url, const HostName& here, const Records& desired,
                                       const Facts& facts) {
  const auto store = parse_keystore_url(url);
  if (!store.ok() || store.value().kind != StoreKind::sqlite || is_mounted(store.value().path)) return {};
  const std::set<HostName> silent = silent_hosts(here, desired, facts);
  if (silent.empty()) return {};
  return Finding{
      .code = Errc::conflict,
      .id = "file-for-several",
      .subject = "keystore",
      .message =
          fmt::format("it is a file of this machine, and {} said nothing in it yet: on another machine "
                      "there is another file, and another cluster",
                      words_of(silent, kMostNamed)),
      .hint =
          "name a server that all hosts reach: etcd://, consul:// or zk://; `ovl keystore copy` takes along "
          "what is in the file"};
}

}  // namespace ovl
