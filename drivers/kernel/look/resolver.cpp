#include "drivers/kernel/look/resolver.hpp"

#include <algorithm>
#include <sstream>

#include "files/read.hpp"

namespace ovl {

namespace {

// What one resolv.conf says.
struct ResolvConf {
  std::vector<IpAddress> servers;
  std::vector<std::string> others;  // the lines on how to ask
};

bool is_visible(std::string_view word) {
  return std::ranges::all_of(word, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

void read_line(const std::string& line, ResolvConf& out) {
  std::istringstream words(line);
  std::string keyword;
  std::string value;
  if (!(words >> keyword >> value)) return;
  if (keyword == "nameserver") {
    const auto address = IpAddress::parse(value.substr(0, value.find('%')));
    if (address.ok()) out.servers.push_back(address.value());
    return;
  }
  if (keyword != "search" && keyword != "domain" && keyword != "options") return;
  std::string whole = keyword;
  do {
    if (is_visible(value)) whole += " " + value;
  } while (words >> value);
  out.others.push_back(std::move(whole));
}

// It is mostly a link to where a resolver keeps it.
ResolvConf read_resolv_conf(const std::string& path) {
  ResolvConf out;
  auto text = read_regular(path, {});
  if (!text.ok()) return out;
  std::istringstream in(std::move(text).value());
  std::string line;
  while (std::getline(in, line)) read_line(line, out);
  return out;
}

// An endpoint's way out carries IPv4.
bool is_reachable(const IpAddress& server) {
  return server.is_ipv4() && !server.is_loopback();
}

std::vector<std::string> lines_for_endpoints(const ResolvConf& conf) {
  std::vector<std::string> lines;
  for (const IpAddress& server : conf.servers) {
    if (is_reachable(server)) lines.push_back("nameserver " + server.text());
  }
  if (!lines.empty()) lines.insert(lines.end(), conf.others.begin(), conf.others.end());
  return lines;
}

}  // namespace

Nameservers read_nameservers(const LinuxKernelOptions& options) {
  const ResolvConf own = read_resolv_conf(options.resolv_conf);
  Nameservers out{.all = own.servers};
  const auto stub = std::ranges::find_if(own.servers, &IpAddress::is_loopback);
  if (stub == own.servers.end()) return out;
  out.instead = Resolver{.stub = *stub, .lines = lines_for_endpoints(own)};
  for (const std::string& path : options.real_resolv_conf) {
    if (!out.instead->lines.empty()) break;
    const ResolvConf real = read_resolv_conf(path);
    out.all.insert(out.all.end(), real.servers.begin(), real.servers.end());
    out.instead->lines = lines_for_endpoints(real);
  }
  return out;
}

}  // namespace ovl
