// Manifests in which two lists make more of each other than a limit allows, or just less.
#pragma once

#include "tests/reconcile/doubling.hpp"

namespace ovl::test {

inline std::string internal_network(const std::string& name, std::size_t subnets) {
  return fmt::format("[network.{}]\ninternal = true\n", name) + array_of("subnets", subnets, subnet_number);
}

inline std::string on_host(const std::string& host, std::size_t count, const std::string& keys) {
  return repeated(count, [&](std::size_t i) {
    return fmt::format("[endpoint.{0}{1}]\nhost = \"{0}\"\n{2}\n", host, i, keys);
  });
}

inline const std::string kInN = "network = \"n\"";

// 400 subnets for each of them; 250 reach the limit.
inline Sources with_routes(std::size_t endpoints) {
  return {{.name = "ovl.toml", .text = kHost + internal_network("n", 400) + on_host("a", endpoints, kInN)}};
}

// An endpoint elsewhere whose aliases, of 61 bytes each, are nearly as long as its record may be.
inline std::string endpoint_of_many_names(std::size_t number) {
  return fmt::format(
      "[endpoint.long{}]\nhost = \"h1\"\nnetwork = \"n\"\naliases = [{}]\n", number,
      listed(3600, [&](std::size_t i) { return quoted(fmt::format("a{:0>59}", number * 10'000 + i)); }));
}

// 4.8 MB for each of them, for both families; 880 reach the limit.
inline Sources with_names(std::size_t endpoints) {
  Sources out{{.name = "a.toml",
               .text = kHost + host_number(1) +
                       "[network.n]\ninternal = true\nsubnets = [\"10.0.0.0/8\", \"fd00::/64\"]\n" +
                       on_host("a", endpoints, kInN)}};
  for (std::size_t i = 0; i < 11; ++i) {
    out.push_back({.name = fmt::format("b{}.toml", i), .text = endpoint_of_many_names(i)});
  }
  return out;
}

// 210 kB of labels for each of them; 2,600 reach the limit.
inline Sources with_labels(std::size_t networks) {
  const auto label = [](std::size_t i) { return fmt::format("l{} = \"{}\"", i, std::string(250, 'x')); };
  return {{.name = "ovl.toml",
           .text = kHost + repeated(networks, network_number) + "[endpoint.e]\nhost = \"a\"\nlabels = { " +
                   listed(800, label) + " }\n[endpoint.e.networks]\n" +
                   repeated(networks, [](std::size_t i) { return fmt::format("n{} = {{}}\n", i); })}};
}

}  // namespace ovl::test
