#include "reconcile/objects/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/objects/holders.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

bool is_sandbox(const NetnsName& space) {
  return space.text().starts_with(kSandboxPrefix);
}

// The records of one host that say so themselves.
std::vector<ChangeName> willing(const Records& records) {
  std::vector<ChangeName> out;
  for (const NetworkRecord& record : records.networks) {
    if (record.adopt == AdoptMode::if_equal) out.push_back(name_of(RecordKind::network, record.name.text()));
  }
  for (const EndpointRecord& record : records.endpoints) {
    if (record.adopt != AdoptMode::if_equal) continue;
    out.push_back(name_of(RecordKind::endpoint, record.network.text() + "/" + record.name.text()));
  }
  return out;
}

Result<std::vector<ChangeName>> parse_all(const std::vector<std::string>& addresses) {
  std::vector<ChangeName> out;
  for (const std::string& address : addresses) {
    OVL_TRY(ChangeName name, ChangeName::parse(address));
    out.push_back(std::move(name));
  }
  return out;
}

class Collector {
 public:
  Collector(const HostObjects& desired, const Records& records, const HostName& host,
            std::vector<ChangeName> asked)
      : desired_(desired), holders_(records, host), asked_(std::move(asked)), willing_(willing(records)) {}

  Status run() {
    if (asked_.empty() && willing_.empty()) return {};
    for (const NamespaceObjects& space : desired_.namespaces) {
      if (space.netns) take(space.name, &*space.netns, !is_sandbox(space.name));
      for (const NftTable& table : space.nft_tables) take(space.name, &table, false);
      for (const Link& link : space.links) take(space.name, &link, false);
    }
    std::ranges::sort(addresses_);
    return check_asked();
  }

  std::vector<std::string> addresses() && { return std::move(addresses_); }

 private:
  void take(const NetnsName& space, const ObjectRef& object, bool by_own_name) {
    const ChangeName name = name_of(space, object);
    const std::vector<ChangeName> holders =
        by_own_name ? std::vector<ChangeName>() : holders_.of(space, object);
    bool meant = false;
    for (const ChangeName& one : asked_) {
      if (!is_meant(std::span(&one, 1), name, holders, false)) continue;
      meant = true;
      used_.push_back(one);
    }
    // A network says it of its own devices, not of its endpoints'.
    for (const ChangeName& one : willing_) {
      meant = meant || std::ranges::find(holders, one) != holders.end();
    }
    if (meant) addresses_.push_back(name.address());
  }

  Status check_asked() const {
    for (const ChangeName& one : asked_) {
      if (std::ranges::find(used_, one) != used_.end()) continue;
      return Error{
          .code = Errc::not_found,
          .message = fmt::format("nothing that could be taken over on this host is called {}", one.address()),
          .hint =
              "name a network or endpoint of the records that is on this host, or one of its "
              "links, tables or namespaces, as a plan shows it"};
    }
    return {};
  }

  const HostObjects& desired_;
  Holders holders_;
  std::vector<ChangeName> asked_;
  std::vector<ChangeName> willing_;
  std::vector<ChangeName> used_;
  std::vector<std::string> addresses_;
};

std::string shown(const Value& value) {
  if (value.is_null()) return "none";
  const std::string* text = value.as_string();
  return safe_text(text != nullptr ? (text->empty() ? "none" : *text) : value.json());
}

struct Differences {
  const ObjectRef& have;
  FieldMask mask;

  std::string operator()(std::monostate) const { return {}; }

  template <class K>
  std::string operator()(const K* want) const {
    const K& there = **std::get_if<const K*>(&have);
    std::string out;
    FieldMask bit = 1;
    for_each_field<K>([&](const auto& field) {
      if ((mask & bit) != 0) add(out, field.name, there.*field.member, (*want).*field.member);
      bit <<= 1;
    });
    return out;
  }

  template <class T>
  static void add(std::string& out, std::string_view name, const T& is, const T& wanted) {
    out += fmt::format("{}{} is {}, wanted {}", out.empty() ? "" : "; ", name, shown(encode(is)),
                       shown(encode(wanted)));
  }

  static void add(std::string& out, std::string_view name, const HostLines& is, const HostLines& wanted) {
    out += fmt::format("{}{} are {}, not the {} that are wanted", out.empty() ? "" : "; ", name, is.size(),
                       wanted.size());
  }

  // Rules and set elements are no text for one line.
  static void add(std::string& out, std::string_view name, const std::vector<NftSet>&,
                  const std::vector<NftSet>&) {
    out += fmt::format("{}its {} are others", out.empty() ? "" : "; ", name);
  }

  static void add(std::string& out, std::string_view name, const std::vector<NftChain>&,
                  const std::vector<NftChain>&) {
    out += fmt::format("{}its {} are others", out.empty() ? "" : "; ", name);
  }
};

}  // namespace

Result<Adoption> Adoption::of(const HostObjects& desired, const Records& records, const HostName& host,
                              const std::vector<std::string>& asked) {
  Adoption adoption;
  OVL_TRY(std::vector<ChangeName> names, parse_all(asked));
  Collector collector(desired, records, host, std::move(names));
  OVL_CHECK(collector.run());
  adoption.addresses_ = std::move(collector).addresses();
  return adoption;
}

bool Adoption::allows(const NetnsName& space, const ObjectRef& object) const {
  return !addresses_.empty() && std::ranges::binary_search(addresses_, name_of(space, object).address());
}

void Adoption::add_links(const HostObjects& desired, HostObjects& wanted) const {
  if (addresses_.empty()) return;
  for (const NamespaceObjects& space : desired.namespaces) {
    for (const Link& link : space.links) {
      if (!allows(space.name, &link)) continue;
      std::vector<Link>& links = wanted.at(space.name).links;
      const auto at = std::ranges::lower_bound(links, link.name, {}, &Link::name);
      const bool there = at != links.end() && at->name == link.name;
      if (there) {
        *at = link;
      } else {
        links.insert(at, link);
      }
    }
  }
}

std::string differences(const ObjectRef& want, const ObjectRef& have, FieldMask mask) {
  return std::visit(Differences{.have = have, .mask = mask}, want);
}

}  // namespace ovl
