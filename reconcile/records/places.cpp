#include "reconcile/records/places.hpp"

#include <algorithm>

#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

// A manifest's blocks are sorted by name.
template <class Block>
const Block* block_of(const std::vector<Block>& blocks, std::string_view name) {
  const auto text_of = [](const Block& one) -> std::string_view { return one.name.text(); };
  const auto at = std::ranges::lower_bound(blocks, name, {}, text_of);
  return at != blocks.end() && text_of(*at) == name ? &*at : nullptr;
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
  if (name.starts_with(kSandboxPrefix)) {
    return place_in(manifest.networks, name.substr(kSandboxPrefix.size()));
  }
  const auto is_here = [&](const EndpointBlock& block) { return host.empty() || block.host.value == host; };
  const EndpointBlock* own = block_of(manifest.endpoints, name);
  if (own != nullptr && !own->netns && is_here(*own)) return own->place;
  for (const EndpointBlock& block : manifest.endpoints) {
    if (block.netns && block.netns->value.text() == name && is_here(block)) return block.netns->place;
  }
  return std::nullopt;
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
