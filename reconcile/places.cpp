#include "reconcile/places.hpp"

#include <algorithm>

#include "reconcile/change_name.hpp"

namespace ovl {

namespace {

template <class Block>
const Block* block_of(const std::vector<Block>& blocks, std::string_view name) {
  const auto at = std::ranges::find_if(blocks, [&](const Block& one) { return one.name.text() == name; });
  return at != blocks.end() ? &*at : nullptr;
}

template <class Block>
std::optional<Place> place_in(const std::vector<Block>& blocks, std::string_view name) {
  const Block* block = block_of(blocks, name);
  return block != nullptr ? std::optional(block->place) : std::nullopt;
}

// An endpoint's line for that network; its block when no network is said.
std::optional<Place> place_of_endpoint(const Manifest& manifest, std::string_view name,
                                       std::string_view network) {
  const EndpointBlock* block = block_of(manifest.endpoints, name);
  if (block == nullptr) return std::nullopt;
  if (network.empty()) return block->place;
  for (const AttachmentBlock& attachment : block->attachments) {
    if (attachment.network.value.text() == network) return attachment.network.place;
  }
  return std::nullopt;
}

// Who declared a namespace: a sandbox its network, an endpoint's its endpoint, the host's own the host.
std::optional<Place> place_of_netns(const Manifest& manifest, const HostName& host, std::string_view name) {
  if (name.empty() || name == "host") return place_in(manifest.hosts, host.text());
  for (const EndpointBlock& block : manifest.endpoints) {
    const bool named = block.netns ? block.netns->value.text() == name : block.name.text() == name;
    const bool here = host.empty() || block.host.value == host;
    if (named && here) return block.netns ? block.netns->place : block.place;
  }
  if (!name.starts_with(kSandboxPrefix)) return std::nullopt;
  return place_in(manifest.networks, name.substr(kSandboxPrefix.size()));
}

std::optional<Place> place_of_address(const Manifest& manifest, const HostName& host,
                                      const ChangeName& address) {
  if (address.type == "host") return place_in(manifest.hosts, address.name);
  if (address.type == "network") return place_in(manifest.networks, address.name);
  if (address.type == "endpoint") return place_of_endpoint(manifest, address.name, address.index);
  return place_of_netns(manifest, host, address.name);
}

// "networks/a", "endpoints/a/web", below the cluster's folder in the store.
std::optional<Place> place_of_key(const Manifest& manifest, std::string_view key) {
  const auto slash = key.find('/');
  const std::string_view folder = key.substr(0, slash);
  const std::string_view name = key.substr(slash + 1);
  if (folder == "hosts") return place_in(manifest.hosts, name);
  if (folder == "networks") return place_in(manifest.networks, name);
  const auto second = name.find('/');
  if (folder != "endpoints" || second == std::string_view::npos) return std::nullopt;
  return place_of_endpoint(manifest, name.substr(second + 1), name.substr(0, second));
}

}  // namespace

std::optional<Place> place_of(const Manifest& manifest, const HostName& host, std::string_view subject) {
  if (subject == "cluster " + manifest.cluster.value.text()) return manifest.cluster.place;
  if (const auto address = ChangeName::parse(subject); address.ok()) {
    return place_of_address(manifest, host, address.value());
  }
  for (const std::string_view kind : {"netns ", "link ", "nft_table "}) {
    if (!subject.starts_with(kind)) continue;
    const std::string_view space = subject.substr(kind.size());
    return place_of_netns(manifest, host, space.substr(0, space.find(':')));
  }
  return place_of_key(manifest, subject);
}

}  // namespace ovl
