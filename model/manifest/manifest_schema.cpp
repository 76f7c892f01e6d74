#include "model/manifest/manifest_schema.hpp"

#include <algorithm>
#include <array>

namespace ovl {

namespace {

// The patterns are no stricter than the values' own parse(), which decides.
constexpr std::string_view kLabelPattern = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
constexpr std::string_view kHostPattern = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$";
constexpr std::string_view kAddressPattern = "^[0-9A-Fa-f:.]+$";
constexpr std::string_view kPrefixPattern = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$";

constexpr ValueType kName{.shape = Shape::string, .text = "a name", .pattern = kLabelPattern};
constexpr ValueType kAliases{.shape = Shape::string_or_strings,
                             .text = "a name, or an array of names",
                             .pattern = "^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$"};
constexpr ValueType kHostName{.shape = Shape::string, .text = "the name of a host", .pattern = kHostPattern};
constexpr ValueType kNetworkName{
    .shape = Shape::string, .text = "the name of a network", .pattern = kLabelPattern};
constexpr ValueType kNetnsName{.shape = Shape::string,
                               .text = "the name of a network namespace",
                               .pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"};
constexpr ValueType kAddress{
    .shape = Shape::string, .text = "an IPv4 or IPv6 address", .pattern = kAddressPattern};
constexpr ValueType kAddresses{.shape = Shape::string_or_strings,
                               .text = "an address, or an array of addresses",
                               .pattern = kAddressPattern};
constexpr ValueType kAdvertise{.shape = Shape::string,
                               .text = "an address, or the name of an interface",
                               .pattern = "^[A-Za-z0-9:][A-Za-z0-9:._-]*$"};
constexpr ValueType kPrefixArray{
    .shape = Shape::strings, .text = "an array of subnets", .pattern = kPrefixPattern};
constexpr ValueType kPrefixes{
    .shape = Shape::string_or_strings, .text = "a subnet, or an array of subnets", .pattern = kPrefixPattern};
constexpr ValueType kVni{.shape = Shape::integer, .text = "a whole number", .min = 1, .max = 16'777'215};
// Those that may be kept, or chosen; see AutoKeys.
constexpr ValueType kOpenPrefix{
    .shape = Shape::string, .text = "a subnet, or \"auto\"", .pattern = "^(auto|[0-9A-Fa-f:.]+/[0-9]{1,3})$"};
constexpr ValueType kOpenAddresses{.shape = Shape::string_or_strings,
                                   .text = "an address, an array of addresses, or \"auto\"",
                                   .pattern = "^(auto|[0-9A-Fa-f:.]+)$"};
constexpr ValueType kOpenMac{.shape = Shape::string,
                             .text = "a MAC address, or \"auto\"",
                             .pattern = "^(auto|([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$"};
constexpr ValueType kOpenVni{.shape = Shape::string_or_integer,
                             .text = "a whole number, 1 to 16777215, or \"auto\"",
                             .pattern = "^auto$",
                             .min = 1,
                             .max = 16'777'215};
constexpr ValueType kMtu{.shape = Shape::integer, .text = "a whole number", .min = 68, .max = 65'535};
constexpr ValueType kPort{.shape = Shape::integer, .text = "a whole number", .min = 1, .max = 65'535};
constexpr ValueType kFlag{.shape = Shape::boolean, .text = "true or false"};
constexpr ValueType kAdopt{
    .shape = Shape::string, .text = "\"never\" or \"if-equal\"", .pattern = "^(never|if-equal)$"};
constexpr ValueType kFrames{.shape = Shape::string, .text = "\"ip\" or \"any\"", .pattern = "^(ip|any)$"};
constexpr ValueType kLinkLocal{
    .shape = Shape::string, .text = "\"eui64\" or \"any\"", .pattern = "^(eui64|any)$"};
constexpr ValueType kSourceCheck{
    .shape = Shape::string, .text = "\"strict\" or \"loose\"", .pattern = "^(strict|loose)$"};
constexpr ValueType kTtlCheck{
    .shape = Shape::string, .text = "\"auto\" or \"off\"", .pattern = "^(auto|off)$"};
constexpr ValueType kLabels{.shape = Shape::labels, .text = "a table of strings"};
constexpr ValueType kUrl{
    .shape = Shape::string, .text = "a URL", .pattern = "^(sqlite|etcd|consul([+]unix)?|zk)://"};
constexpr ValueType kSecret{.shape = Shape::string,
                            .text = "a reference to a secret",
                            .pattern = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"};
constexpr ValueType kFile{.shape = Shape::string, .text = "a reference to a file", .pattern = "^file:.+$"};
constexpr ValueType kTls{.shape = Shape::block, .text = "a table", .block = "tls"};
constexpr ValueType kAttachments{
    .shape = Shape::blocks, .text = "a table of networks", .block = "attachment"};
constexpr ValueType kMovedName{
    .shape = Shape::string, .text = "KIND.NAME", .pattern = "^(host|network|endpoint)\\.[A-Za-z0-9.-]+$"};

constexpr ValueType kDestroyLimit{
    .shape = Shape::string_or_integer, .text = "a number or a share", .pattern = "^[0-9]+%?$"};
constexpr ValueType kRecordPatterns{.shape = Shape::strings,
                                    .text = "an array of KIND.NAME",
                                    .pattern = "^([Hh]ost|[Nn]etwork|[Ee]ndpoint)[.][A-Za-z0-9.-]*[*]?$"};
constexpr ValueType kHostPatterns{
    .shape = Shape::strings, .text = "an array of host names", .pattern = "^[*]?[A-Za-z0-9.-]*[*]?$"};
constexpr ValueType kVniRange{.shape = Shape::block, .text = "a table", .block = "vni-range"};
constexpr ValueType kForbidden{
    .shape = Shape::strings,
    .text = "an array of \"ACTION KIND\"",
    .pattern = "^(create|update|remove|rename) (host|network|endpoint)([.][a-z_]+)?$"};
constexpr ValueType kWindows{.shape = Shape::block_list, .text = "an array of tables", .block = "window"};
constexpr ValueType kDays{.shape = Shape::strings,
                          .text = "an array of weekdays",
                          .pattern =
                              "^([Mm][Oo][Nn]|[Tt][Uu][Ee]|[Ww][Ee][Dd]|[Tt][Hh][Uu]|[Ff][Rr][Ii]|"
                              "[Ss][Aa][Tt]|[Ss][Uu][Nn])$"};
constexpr ValueType kTimeOfDay{
    .shape = Shape::string, .text = "a time of the day", .pattern = "^[0-2][0-9]:[0-5][0-9]$"};
constexpr ValueType kPath{.shape = Shape::string, .text = "an absolute path", .pattern = "^/"};

constexpr std::string_view kLabelsDoc = "Words of your own; ovl keeps them and selects by them.";
constexpr std::string_view kAdoptDoc =
    "What becomes of a device that exists and is not ovl's: `never` refuses; `if-equal` takes it over when "
    "it "
    "is as wanted in every field.";
constexpr std::string_view kProtectDoc = "Refuse every plan that would remove or replace it.";

constexpr std::array<KeySpec, 1> kClusterKeys{
    KeySpec{"name", &kName, true, "", "Names the cluster's tree in the keystore.", "\"demo\""}};

constexpr std::array<KeySpec, 6> kKeystoreKeys{
    KeySpec{"url", &kUrl, true, "",
            "Which store, and where: `sqlite:///path`, `etcd://host:port,...`, `consul://host:port`, "
            "`consul+unix:///socket` or `zk://host:port,...`. No user or password in it.",
            "\"etcd://10.0.0.1:2379\""},
    KeySpec{"token", &kSecret, false, "none", "Consul's ACL token.", "\"env:CONSUL_HTTP_TOKEN\""},
    KeySpec{"user", &kSecret, false, "none", "User name at etcd or ZooKeeper.", "\"env:ETCD_USER\""},
    KeySpec{"password", &kSecret, false, "none", "Password at etcd or ZooKeeper.",
            "\"file:/etc/ovl/password\""},
    KeySpec{"tls", &kTls, false, "plain transport", "Speak TLS, with these files.",
            "{ ca = \"file:/etc/ovl/ca.pem\" }"},
    KeySpec{
        "allow_plaintext", &kFlag, false, "false",
        "Allow plain transport to a store that is not on this machine: everybody on the path can read and "
        "change what is sent.",
        "true"}};

constexpr std::array<KeySpec, 3> kTlsKeys{
    KeySpec{"ca", &kFile, true, "", "Certificates that the store's own is checked against (PEM).",
            "\"file:ca.pem\""},
    KeySpec{"cert", &kFile, false, "none", "Our certificate, where the store asks for one (PEM).",
            "\"file:cert.pem\""},
    KeySpec{"key", &kFile, false, "none", "The key of `cert` (PEM).", "\"file:key.pem\""}};

constexpr std::array<KeySpec, 10> kPolicyKeys{
    KeySpec{"max_destroy", &kDestroyLimit, false, "no limit but `--max-destroy`'s",
            "How many records one apply may remove, or which share of them; for a destroy, too.", "\"50%\""},
    KeySpec{"protect", &kRecordPatterns, false, "none",
            "Records that are neither removed nor renamed; a `*` at the end stands for any rest.",
            "[\"network.front\", \"endpoint.db-*\"]"},
    KeySpec{"subnets", &kPrefixArray, false, "any",
            "Each subnet of each network, declared or chosen, is inside one of these.",
            "[\"10.0.0.0/8\", \"fd00::/8\"]"},
    KeySpec{"hosts", &kHostPatterns, false, "any",
            "Each host's name is one of these; one `*`, at the beginning or the end.",
            "[\"*.example.org\", \"web-*\"]"},
    KeySpec{"vni", &kVniRange, false, "any", "Each network's VNI, declared or chosen, is in this range.",
            "{ min = 1048576, max = 1064959 }"},
    KeySpec{"forbid", &kForbidden, false, "none",
            "Changes that are refused: `create`, `update`, `remove` or `rename`, and `host`, `network` or "
            "`endpoint`; an update may name one field.",
            "[\"remove network\", \"update network.vni\"]"},
    KeySpec{"windows", &kWindows, false, "always", "Records change only while one of these is open.",
            "[{ days = [\"mon\"], from = \"08:00\", to = \"18:00\" }]"},
    KeySpec{"require_signed", &kFlag, false, "false",
            "Records change only from a commit that is signed by somebody whom the host trusts.", "true"},
    KeySpec{
        "signers", &kPath, false, "none",
        "Only in the host's own policy: OpenSSH's list of whose signatures count (`ssh-keygen(1)`, ALLOWED "
        "SIGNERS).",
        "\"/etc/ovl/allowed_signers\"", true},
    KeySpec{"keyring", &kPath, false, "none",
            "Only in the host's own policy: OpenPGP keys whose signatures count (`gpg --export`).",
            "\"/etc/ovl/keyring.gpg\"", true}};

constexpr std::array<KeySpec, 2> kVniRangeKeys{
    KeySpec{"min", &kVni, false, "1", "The smallest.", "1048576"},
    KeySpec{"max", &kVni, false, "16777215", "The largest.", "1064959"}};

constexpr std::array<KeySpec, 3> kWindowKeys{
    KeySpec{"days", &kDays, false, "all", "Weekdays on which it begins, in UTC.", "[\"mon\", \"tue\"]"},
    KeySpec{"from", &kTimeOfDay, true, "", "When it opens, in UTC.", "\"08:00\""},
    KeySpec{"to", &kTimeOfDay, true, "",
            "When it closes, in UTC; not after `from`: on the next day. `24:00` ends the day.", "\"18:00\""}};

constexpr std::array<KeySpec, 7> kHostKeys{
    KeySpec{
        "advertise", &kAdvertise, true, "",
        "Address by which the other hosts reach this one (its VTEP), or the interface that has it, by any of "
        "its names of up to 15 characters.",
        "\"192.168.99.104\""},
    KeySpec{"bind", &kAddress, false, "`advertise`",
            "Local address of the tunnels, where the advertised one is behind NAT.", "\"10.1.0.4\""},
    KeySpec{"gateway_pool", &kOpenPrefix, false, "kept; at first chosen: `172.18.0.0/16` or the next free",
            "IPv4 subnet of the bridge by which the host's endpoints reach the world.", "\"172.18.0.0/16\""},
    KeySpec{"source_check", &kSourceCheck, false, "\"strict\"",
            "By which interface another host's tunnel packets may come: the one by which this host answers "
            "it, or, "
            "where ways differ, any with a route to a host (`loose`).",
            "\"loose\""},
    KeySpec{
        "ttl_check", &kTtlCheck, false, "\"auto\"",
        "Whether another host's tunnel packets must come straight from it, with a TTL of 255: where it is "
        "on the same link and says that it sends so (`auto`), or never (`off`).",
        "\"off\""},
    KeySpec{"labels", &kLabels, false, "none", kLabelsDoc, "{ zone = \"a\" }"},
    KeySpec{"protect", &kFlag, false, "false", kProtectDoc, "true"}};

constexpr std::array<KeySpec, 13> kNetworkKeys{
    KeySpec{"subnet", &kOpenPrefix, false, "kept; at first chosen: the first free /24 of `10.0.0.0/8`",
            "The network's subnet. Not together with `subnets`.", "\"10.0.9.0/24\""},
    KeySpec{"subnets", &kPrefixArray, false, "", "The network's subnets, where there are several.",
            "[\"10.0.9.0/24\", \"fd00:9::/64\"]"},
    KeySpec{"gateway", &kOpenAddresses, false, "kept; at first the first address of each subnet",
            "The gateway's address, at most one per subnet.", "\"10.0.9.1\""},
    KeySpec{"ip_range", &kPrefixes, false, "the whole subnet",
            "Part of a subnet from which endpoints get addresses, at most one per subnet.",
            "\"10.0.9.128/25\""},
    KeySpec{"reserved", &kAddresses, false, "none", "Addresses that no endpoint gets.", "[\"10.0.9.2\"]"},
    KeySpec{"vni", &kOpenVni, false, "kept; at first chosen, from 1,048,576 up",
            "The VXLAN network identifier.", "1048600"},
    KeySpec{"mtu", &kMtu, false, "the underlay's, less the encapsulation",
            "Largest packet in bytes; at least 1,280 with an IPv6 subnet.", "1450"},
    KeySpec{"port", &kPort, false, "kept; at first 4789", "UDP port of the VXLAN tunnels.", "4789"},
    KeySpec{"internal", &kFlag, false, "false", "No way out of the network.", "true"},
    KeySpec{"frames", &kFrames, false, "\"ip\"",
            "What endpoints send to each other: `ip` is IPv4, IPv6 and ARP; `any` is Ethernet of every type, "
            "as LLDP, "
            "802.1X, MACsec, MPLS, PPPoE and LLC are. VLAN tags pass in no case; of the reserved group "
            "addresses a "
            "bridge forwards STP's alone.",
            "\"any\""},
    KeySpec{"adopt", &kAdopt, false, "\"never\"", kAdoptDoc, "\"if-equal\""},
    KeySpec{"labels", &kLabels, false, "none", kLabelsDoc, "{ team = \"web\" }"},
    KeySpec{"protect", &kFlag, false, "false", kProtectDoc, "true"}};

constexpr std::string_view kAddressDoc = "Its address in the network, at most one per family.";
constexpr std::string_view kMacDoc = "Its MAC address in the network.";
constexpr std::string_view kAliasesDoc =
    "Further names by which the network's endpoints find it; they may have `_` inside, and several endpoints "
    "may "
    "have one in common, which then leads to all of their addresses.";

constexpr std::array<KeySpec, 11> kEndpointKeys{
    KeySpec{"host", &kHostName, true, "", "The host on which it lives.", "\"mhs-demo0\""},
    KeySpec{"network", &kNetworkName, false, "", "Its network. With several, use `networks`.", "\"my-net\""},
    KeySpec{"networks", &kAttachments, false, "",
            "Its networks: one `[endpoint.NAME.networks.NETWORK]` each.",
            "{ my-net = {}, back = { address = \"10.0.8.5\" } }"},
    KeySpec{"address", &kOpenAddresses, false, "kept; at first chosen", kAddressDoc, "\"10.0.9.10\""},
    KeySpec{"mac", &kOpenMac, false, "kept; at first `02:42:` and the IPv4 address", kMacDoc,
            "\"02:42:0a:00:09:0a\""},
    KeySpec{"aliases", &kAliases, false, "none", kAliasesDoc, "[\"www\"]"},
    KeySpec{"netns", &kNetnsName, false, "the endpoint's name", "Its network namespace, of its own.",
            "\"web\""},
    KeySpec{
        "link_local", &kLinkLocal, false, "\"eui64\"",
        "Its IPv6 link-local addresses: `eui64` is the one of its MAC; `any` lets a guest that makes itself "
        "others (RFC 7217) use them, and still none that another endpoint has by its MAC.",
        "\"any\""},
    KeySpec{"adopt", &kAdopt, false, "\"never\"", kAdoptDoc, "\"if-equal\""},
    KeySpec{"labels", &kLabels, false, "none", kLabelsDoc, "{ tier = \"front\" }"},
    KeySpec{"protect", &kFlag, false, "false", kProtectDoc, "true"}};

constexpr std::array<KeySpec, 3> kAttachmentKeys{
    KeySpec{"address", &kOpenAddresses, false, "kept; at first chosen", kAddressDoc, "\"10.0.9.10\""},
    KeySpec{"mac", &kOpenMac, false, "kept; at first `02:42:` and the IPv4 address", kMacDoc,
            "\"02:42:0a:00:09:0a\""},
    KeySpec{"aliases", &kAliases, false, "none", kAliasesDoc, "[\"www\"]"}};

constexpr std::array<KeySpec, 2> kMovedKeys{
    KeySpec{"from", &kMovedName, true, "", "The old name, which nothing has any more.", "\"network.my-net\""},
    KeySpec{"to", &kMovedName, true, "", "The new name; a block's, or the old name of another rename.",
            "\"network.front\""}};

constexpr std::array<BlockSpec, 11> kBlocks{
    BlockSpec{"cluster", "[cluster]", BlockForm::single, "The cluster that the manifest describes. Required.",
              kClusterKeys},
    BlockSpec{
        "keystore", "[keystore]", BlockForm::single,
        "The store that the cluster's hosts share. Where it is left out, `--keystore` or `OVL_KEYSTORE` "
        "names one. Secrets are references: `env:NAME` or `file:PATH`, relative to the manifest.",
        kKeystoreKeys},
    BlockSpec{"tls", "tls in [keystore]", BlockForm::nested, "Files for TLS to the keystore.", kTlsKeys},
    BlockSpec{"host", "[host.NAME]", BlockForm::named,
              "A machine on which endpoints live. A dotted name needs quotes: `[host.\"a.example.org\"]`.",
              kHostKeys},
    BlockSpec{"network", "[network.NAME]", BlockForm::named, "An overlay network.", kNetworkKeys},
    BlockSpec{"endpoint", "[endpoint.NAME]", BlockForm::named,
              "A named attachment of one network namespace to one or more networks. With `network`, the keys "
              "`address`, `mac` and `aliases` stand here; with `networks`, below each network.",
              kEndpointKeys},
    BlockSpec{"attachment", "[endpoint.NAME.networks.NETWORK]", BlockForm::nested,
              "An endpoint in one of its networks.", kAttachmentKeys},
    BlockSpec{"moved", "[[moved]]", BlockForm::array,
              "A block that has a new name: what exists is renamed, not removed and made again. One manifest "
              "serves "
              "clusters that are at different names: renames may follow each other (`a` to `b`, `b` to `c`), "
              "and a block may have several old names.",
              kMovedKeys},
    BlockSpec{"policy", "[policy]", BlockForm::single,
              "What a plan may do, as a guard against mistakes. A host has a policy of its own, of the same "
              "form, which no manifest overrides: see [policy.md](policy.md).",
              kPolicyKeys},
    BlockSpec{"vni-range", "vni in [policy]", BlockForm::nested, "A range of VNIs.", kVniRangeKeys},
    BlockSpec{"window", "windows in [policy]", BlockForm::nested, "When records may change.", kWindowKeys}};

}  // namespace

std::span<const BlockSpec> manifest_blocks() {
  return kBlocks;
}

const BlockSpec& manifest_block(std::string_view name) {
  return *std::ranges::find(kBlocks, name, &BlockSpec::name);
}

const KeySpec* find_key(const BlockSpec& block, std::string_view key) {
  const auto found = std::ranges::find(block.keys, key, &KeySpec::key);
  return found != block.keys.end() ? &*found : nullptr;
}

std::vector<std::string> key_names(const BlockSpec& block) {
  std::vector<std::string> names;
  for (const KeySpec& spec : block.keys) names.emplace_back(spec.key);
  return names;
}

}  // namespace ovl
