#include "reconcile/manifest/decode_manifest.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "reconcile/manifest/decode_block.hpp"
#include "reconcile/manifest/decode_policy.hpp"
#include "reconcile/words/suggest.hpp"

namespace ovl {

namespace {

// ---- one table of readers per block --------------------------------------------------------------

struct ClusterDraft {
  Located<Label> name;
};

constexpr std::array<KeyReader<ClusterDraft>, 1> kClusterReaders{{{"name", field<&ClusterDraft::name>}}};

constexpr std::array<KeyReader<KeystoreBlock>, 3> kTlsReaders{{{"ca", field<&KeystoreBlock::tls_ca>},
                                                               {"cert", field<&KeystoreBlock::tls_cert>},
                                                               {"key", field<&KeystoreBlock::tls_key>}}};

void read_tls(Reading& in, const TomlMember& member, KeystoreBlock& block) {
  if (member.value.kind != TomlNode::Kind::table) return in.wrong_type(member.value, in.key.type->text);
  const std::span<const KeyReader<KeystoreBlock>> readers = kTlsReaders;
  if (!read_block(in.report, manifest_block("tls"), "tls", readers, member.value, member.place, block)) {
    in.failed = true;
  }
}

constexpr std::array<KeyReader<KeystoreBlock>, 6> kKeystoreReaders{
    {{"url", field<&KeystoreBlock::url>},
     {"token", field<&KeystoreBlock::token>},
     {"user", field<&KeystoreBlock::user>},
     {"password", field<&KeystoreBlock::password>},
     {"tls", read_tls},
     {"allow_plaintext", field<&KeystoreBlock::allow_plaintext>}}};

// A value, or "auto"; see AutoKeys.
template <class T>
void read_or_auto(Reading& in, const TomlNode& node, std::string_view word, AutoKeys& automatic, T& out) {
  if (node.kind == TomlNode::Kind::string && node.text == kAuto) {
    automatic.emplace_back(word);
  } else {
    read_value(in, node, out);
  }
}

template <auto Member, const std::string_view& Word, class Block>
void open_field(Reading& in, const TomlMember& member, Block& block) {
  read_or_auto(in, member.value, Word, block.automatic, block.*Member);
}

constexpr std::string_view kAutoPool = "gateway_pool";
constexpr std::string_view kAutoGateways = "gateways";
constexpr std::string_view kAutoVni = "vni";
constexpr std::string_view kAutoAddresses = "addresses";
constexpr std::string_view kAutoMac = "mac";

constexpr std::array<KeyReader<HostBlock>, 7> kHostReaders{
    {{"advertise", field<&HostBlock::advertise>},
     {"bind", field<&HostBlock::bind>},
     {"gateway_pool", open_field<&HostBlock::gateway_pool, kAutoPool>},
     {"source_check", field<&HostBlock::source_check>},
     {"ttl_check", field<&HostBlock::ttl_check>},
     {"labels", field<&HostBlock::labels>},
     {"protect", field<&HostBlock::protect>}}};

struct NetworkDraft : NetworkBlock {
  std::optional<Place> subnet_key;
};

// subnet and subnets fill the same member; both together contradict each other.
void read_subnets(Reading& in, const TomlMember& member, NetworkDraft& draft) {
  if (draft.subnet_key) {
    in.failed = true;
    in.report.clash("subnet-and-subnets", member.place, "a network has either \"subnet\" or \"subnets\"",
                    "write all of them in \"subnets\"", *draft.subnet_key, "the other one is here");
    return;
  }
  draft.subnet_key = member.place;
  if (in.key.key == "subnets") return read_value(in, member.value, draft.subnets);
  read_or_auto(in, member.value, "subnets", draft.automatic, draft.subnets);
}

constexpr std::array<KeyReader<NetworkDraft>, 13> kNetworkReaders{
    {{"subnet", read_subnets},
     {"subnets", read_subnets},
     {"gateway", open_field<&NetworkDraft::gateways, kAutoGateways>},
     {"ip_range", field<&NetworkDraft::ip_range>},
     {"reserved", field<&NetworkDraft::reserved>},
     {"vni", open_field<&NetworkDraft::vni, kAutoVni>},
     {"mtu", field<&NetworkDraft::mtu>},
     {"port", field<&NetworkDraft::port>},
     {"internal", field<&NetworkDraft::internal>},
     {"frames", field<&NetworkDraft::frames>},
     {"adopt", field<&NetworkDraft::adopt>},
     {"labels", field<&NetworkDraft::labels>},
     {"protect", field<&NetworkDraft::protect>}}};

constexpr std::array<KeyReader<AttachmentBlock>, 3> kAttachmentReaders{
    {{"address", open_field<&AttachmentBlock::addresses, kAutoAddresses>},
     {"mac", open_field<&AttachmentBlock::mac, kAutoMac>},
     {"aliases", field<&AttachmentBlock::aliases>}}};

// An endpoint while it is being read: `network` and the keys beside it are one attachment, `networks`
// holds any number.
struct EndpointDraft : EndpointBlock {
  AttachmentBlock own;
  std::optional<Place> network_key;
  std::optional<Place> networks_key;
  std::optional<Place> own_key;  // the first of address, mac and aliases
};

template <auto Reader>
void own_field(Reading& in, const TomlMember& member, EndpointDraft& draft) {
  if (!draft.own_key) draft.own_key = member.place;
  Reader(in, member, draft.own);
}

void read_network(Reading& in, const TomlMember& member, EndpointDraft& draft) {
  draft.network_key = member.place;
  read_value(in, member.value, draft.own.network);
}

void read_attachment(Reading& in, const TomlMember& member, EndpointDraft& draft) {
  const std::string where =
      fmt::format("[endpoint.{}.networks.{}]", draft.name.text(), shortened(member.key));
  if (member.value.kind != TomlNode::Kind::table) {
    in.failed = true;
    in.report.error("wrong-type", member.value.place,
                    fmt::format("{} is a table, but this is {}", where, words_for(member.value.kind)),
                    fmt::format("write {} = {{}}", shortened(member.key)));
    return;
  }
  AttachmentBlock attachment;
  attachment.network.place = member.place;
  auto name = Label::parse(member.key);
  if (!name.ok()) {
    in.failed = true;
    in.report.error("invalid-value", member.place, name.error().message, name.error().hint);
  } else {
    attachment.network.value = std::move(name).value();
  }
  const std::span<const KeyReader<AttachmentBlock>> readers = kAttachmentReaders;
  const bool good = read_block(in.report, manifest_block("attachment"), where, readers, member.value,
                               member.place, attachment);
  in.failed = in.failed || !good;
  draft.attachments.push_back(std::move(attachment));
}

void read_networks(Reading& in, const TomlMember& member, EndpointDraft& draft) {
  draft.networks_key = member.place;
  if (member.value.kind != TomlNode::Kind::table) return in.wrong_type(member.value, in.key.type->text);
  for (const TomlMember& network : member.value.members) read_attachment(in, network, draft);
}

constexpr std::array<KeyReader<EndpointDraft>, 11> kEndpointReaders{
    {{"host", field<&EndpointDraft::host>},
     {"network", read_network},
     {"networks", read_networks},
     {"address", own_field<open_field<&AttachmentBlock::addresses, kAutoAddresses, AttachmentBlock>>},
     {"mac", own_field<open_field<&AttachmentBlock::mac, kAutoMac, AttachmentBlock>>},
     {"aliases", own_field<field<&AttachmentBlock::aliases, AttachmentBlock>>},
     {"netns", field<&EndpointDraft::netns>},
     {"link_local", field<&EndpointDraft::link_local>},
     {"adopt", field<&EndpointDraft::adopt>},
     {"labels", field<&EndpointDraft::labels>},
     {"protect", field<&EndpointDraft::protect>}}};

// Names compare without case; this is their canonical form.
template <auto Member>
void moved_field(Reading& in, const TomlMember& member, MovedBlock& block) {
  read_value(in, member.value, block.*Member);
  std::string& text = (block.*Member).value;
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

constexpr std::array<KeyReader<MovedBlock>, 2> kMovedReaders{
    {{"from", moved_field<&MovedBlock::from>}, {"to", moved_field<&MovedBlock::to>}}};

// ---- the whole ---------------------------------------------------------------------------------

class ManifestDecoder {
 public:
  explicit ManifestDecoder(Diagnostics& diagnostics) : report_(diagnostics) {}

  void add(const TomlNode& root) {
    for (const TomlMember& member : root.members) {
      const auto known = std::ranges::find(top_blocks(), member.key, &Top::name);
      if (known == top_blocks().end()) {
        report_unknown_block(member);
      } else {
        (this->*known->read)(member);
      }
    }
  }

  Decoded finish() {
    std::ranges::sort(out_.manifest.hosts, {}, &HostBlock::name);
    std::ranges::sort(out_.manifest.networks, {}, &NetworkBlock::name);
    std::ranges::sort(out_.manifest.endpoints, {}, &EndpointBlock::name);
    std::ranges::sort(out_.manifest.moved, {},
                      [](const MovedBlock& block) { return std::tie(block.from.value, block.to.value); });
    return std::move(out_);
  }

 private:
  struct Top {
    std::string_view name;
    void (ManifestDecoder::*read)(const TomlMember& member);
  };

  static const std::array<Top, 7>& top_blocks();

  void report_unknown_block(const TomlMember& member) {
    std::vector<std::string> known;
    known.reserve(top_blocks().size());
    for (const Top& top : top_blocks()) known.emplace_back(top.name);
    const bool table =
        member.value.kind == TomlNode::Kind::table || member.value.kind == TomlNode::Kind::array;
    const std::string name = shortened(member.key);
    report_.error(
        "unknown-block", member.place,
        table ? fmt::format("unknown block [{}]", name)
              : fmt::format("\"{}\" stands before the first block", name),
        suggestion(member.key, known,
                   fmt::format("{}blocks are {}", table ? "" : "put it below the header of its block; ",
                               fmt::join(known, ", "))));
  }

  bool is_table(const TomlMember& member, const BlockSpec& spec) {
    if (member.value.kind == TomlNode::Kind::table) return true;
    report_.error(
        "wrong-block", member.place,
        fmt::format("\"{}\" is {}, not a table", shortened(member.key), words_for(member.value.kind)),
        fmt::format("write {}", spec.header));
    return false;
  }

  // Notes where a name was defined; false when it was before.
  bool define(const std::string& what, const std::string& shown, const Place& place) {
    const auto [first, is_new] = defined_.emplace(what, place);
    if (is_new) return true;
    report_.clash("duplicate-name", place, fmt::format("{} is defined twice", shown),
                  "rename or merge one of them", first->second, "first defined here");
    return false;
  }

  template <class Block, std::size_t N>
  void fill(const BlockSpec& spec, const std::array<KeyReader<Block>, N>& readers, const std::string& what,
            const TomlMember& member, Block& block) {
    const std::string where = spec.form == BlockForm::array ? std::string(spec.header) : "[" + what + "]";
    const std::span<const KeyReader<Block>> all = readers;
    if (!read_block(report_, spec, where, all, member.value, member.place, block)) out_.damaged.insert(what);
  }

  void read_cluster(const TomlMember& member) {
    const BlockSpec& spec = manifest_block("cluster");
    if (!is_table(member, spec) || !define("cluster", "[cluster]", member.place)) return;
    ClusterDraft draft{.name = {.value = {}, .place = member.place}};
    fill(spec, kClusterReaders, "cluster", member, draft);
    out_.manifest.cluster = std::move(draft.name);
  }

  void read_keystore(const TomlMember& member) {
    const BlockSpec& spec = manifest_block("keystore");
    if (!is_table(member, spec) || !define("keystore", "[keystore]", member.place)) return;
    KeystoreBlock& block = out_.manifest.keystore;
    block.place = member.place;
    fill(spec, kKeystoreReaders, "keystore", member, block);
  }

  void read_policy(const TomlMember& member) {
    if (!is_table(member, manifest_block("policy")) || !define("policy", "[policy]", member.place)) return;
    Policy& policy = out_.manifest.policy.emplace();
    if (!decode_policy(report_, PolicyHome::manifest, member, policy)) out_.damaged.insert("policy");
  }

  // f(member, name) for each well-named block below [KIND].
  template <class Name, class F>
  void each_named(const TomlMember& kind, F&& f) {
    const BlockSpec& spec = manifest_block(kind.key);
    if (!is_table(kind, spec)) return;
    for (const TomlMember& member : kind.value.members) {
      if (member.value.kind != TomlNode::Kind::table) {
        report_.error(
            "wrong-block", member.place,
            fmt::format("\"{}\" stands in [{}], which holds blocks by name", shortened(member.key), kind.key),
            fmt::format("put it below {}", spec.header));
        continue;
      }
      auto name = Name::parse(member.key);
      if (!name.ok()) {
        report_.error("invalid-value", member.place, name.error().message, name.error().hint);
        continue;
      }
      check_reserved(name.value().text(), member.place);
      const std::string what = kind.key + "." + name.value().text();
      const std::string shown = fmt::format("{} \"{}\"", kind.key, name.value().text());
      if (define(what, shown, member.place)) f(member, std::move(name).value(), what);
    }
  }

  void check_reserved(const std::string& name, const Place& place) {
    if (!is_reserved_name(name)) return;
    report_.error("reserved-name", place, fmt::format("\"{}\" is a reserved name", name), kReservedHint);
  }

  void read_hosts(const TomlMember& kind) {
    each_named<HostName>(kind, [this](const TomlMember& member, HostName name, const std::string& what) {
      HostBlock block;
      block.name = std::move(name);
      block.place = member.place;
      fill(manifest_block("host"), kHostReaders, what, member, block);
      out_.manifest.hosts.push_back(std::move(block));
    });
  }

  void read_networks_blocks(const TomlMember& kind) {
    each_named<Label>(kind, [this](const TomlMember& member, Label name, const std::string& what) {
      NetworkDraft draft;
      draft.name = std::move(name);
      draft.place = member.place;
      fill(manifest_block("network"), kNetworkReaders, what, member, draft);
      out_.manifest.networks.push_back(std::move(static_cast<NetworkBlock&>(draft)));
    });
  }

  void read_endpoints(const TomlMember& kind) {
    each_named<Label>(kind, [this](const TomlMember& member, Label name, const std::string& what) {
      EndpointDraft draft;
      draft.name = std::move(name);
      draft.place = member.place;
      fill(manifest_block("endpoint"), kEndpointReaders, what, member, draft);
      attach(draft, what);
      out_.manifest.endpoints.push_back(std::move(static_cast<EndpointBlock&>(draft)));
    });
  }

  // Brings `network` and `networks` together: exactly one of them is there.
  void attach(EndpointDraft& draft, const std::string& what) {
    const std::string shown = fmt::format("endpoint \"{}\"", draft.name.text());
    if (draft.network_key && draft.networks_key) {
      report_.clash("network-and-networks", *draft.networks_key,
                    fmt::format("{} has either \"network\" or \"networks\"", shown),
                    "write all of them below \"networks\"", *draft.network_key, "the other one is here");
      out_.damaged.insert(what);
    } else if (draft.network_key) {
      draft.attachments.push_back(std::move(draft.own));
    } else if (draft.networks_key && draft.own_key) {
      report_.error(
          "misplaced-key", *draft.own_key,
          fmt::format("{} has \"networks\": its addresses, MAC and aliases stand below each of them", shown),
          fmt::format("move it below [endpoint.{}.networks.NETWORK]", draft.name.text()));
      out_.damaged.insert(what);
    } else if (draft.attachments.empty() && !out_.damaged.contains(what)) {
      report_.error("missing-key", draft.place, fmt::format("{} is in no network", shown),
                    "add network = \"NAME\"");
      out_.damaged.insert(what);
    }
  }

  void read_moved(const TomlMember& member) {
    const BlockSpec& spec = manifest_block("moved");
    const bool tables = member.value.kind == TomlNode::Kind::array &&
                        std::ranges::all_of(member.value.items, [](const TomlNode& item) {
                          return item.kind == TomlNode::Kind::table;
                        });
    if (!tables) {
      report_.error("wrong-block", member.place, "\"moved\" is not an array of tables", "write [[moved]]");
      return;
    }
    for (const TomlNode& item : member.value.items) {
      MovedBlock block;
      const TomlMember whole{.key = "moved", .place = item.place, .value = item};
      fill(spec, kMovedReaders, "moved", whole, block);
      out_.manifest.moved.push_back(std::move(block));
    }
  }

  Reporter report_;
  Decoded out_;
  std::map<std::string, Place> defined_;
};

const std::array<ManifestDecoder::Top, 7>& ManifestDecoder::top_blocks() {
  static constexpr std::array<Top, 7> blocks{{{"cluster", &ManifestDecoder::read_cluster},
                                              {"keystore", &ManifestDecoder::read_keystore},
                                              {"policy", &ManifestDecoder::read_policy},
                                              {"host", &ManifestDecoder::read_hosts},
                                              {"network", &ManifestDecoder::read_networks_blocks},
                                              {"endpoint", &ManifestDecoder::read_endpoints},
                                              {"moved", &ManifestDecoder::read_moved}}};
  return blocks;
}

}  // namespace

Decoded decode_manifest(const std::vector<TomlNode>& files, Diagnostics& diagnostics) {
  ManifestDecoder decoder(diagnostics);
  for (const TomlNode& file : files) decoder.add(file);
  return decoder.finish();
}

}  // namespace ovl
