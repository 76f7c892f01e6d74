// The catalogue of errors: every id that ovl shows, with its cause and its remedy. docs/errors.md is
// written from it, and FindingId lets nothing be reported that is not in it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/base/fields.hpp"
#include "model/base/result.hpp"

namespace ovl {

template <>
struct EnumNames<Errc> {
  static constexpr std::array<std::string_view, 17> names{
      "usage",   "manifest",    "io",          "conflict",    "guard",  "stale",
      "locked",  "unreachable", "in-doubt",    "privilege",   "kernel", "not-found",
      "corrupt", "verify",      "interrupted", "unsupported", "bug"};
};

// What an error that ends a command belongs to.
struct ErrorFamily {
  Errc code = Errc::bug;
  std::string_view cause;
  std::string_view remedy;
  // Whether the remedy fits whatever an error of the family says: then it is shown with one that has no hint.
  bool fits_all = true;
};

// Where a finding arises, in the order of a run.
enum class Stage : std::uint8_t {
  text,
  blocks,
  keystore,
  hosts,
  networks,
  endpoints,
  moved,
  choice,
  plan,
  store
};

struct CatalogueEntry {
  std::string_view id;
  Stage stage = Stage::text;
  Errc code = Errc::manifest;  // what a command ends with
  std::string_view cause;
  std::string_view remedy;
};

inline constexpr std::array<ErrorFamily, 17> kErrorFamilies{{
    {Errc::usage, "The command line asks for something that makes no sense, or leaves out what is needed.",
     "ovl --help, or ovl VERB --help, says what each verb takes"},
    {Errc::manifest, "The manifest is invalid, or asks for something that the cluster cannot hold.",
     "ovl validate shows every error with its place"},
    {Errc::io, "A file, a directory or a socket of this machine could not be read or written.",
     "look at the path: does it exist, who may read it, is the disk full"},
    {Errc::conflict, "Something that is not ovl's stands where an object of the manifest belongs.",
     "remove or rename what is in the way, or choose another name, address or VNI; ovl never touches it",
     false},
    {Errc::guard, "A guard refused the command before anything was changed.",
     "do what the guard asks for, or say that it is meant: --allow-rollback, --max-destroy, protect = false",
     false},
    {Errc::stale, "What the command was computed from has moved since.", "plan again, and read the new plan",
     false},
    {Errc::locked, "Somebody else is writing the cluster's records.",
     "wait for them with --lock-timeout; ovl lock ls says who it is"},
    {Errc::unreachable, "The keystore did not answer in time, or refused the login.",
     "look whether the server runs and whether url, tls and the secrets in [keystore] are right: ovl doctor"},
    {Errc::in_doubt, "The keystore did not answer whether it took a write.",
     "apply again: it reads what is there and goes on from that"},
    {Errc::privilege, "The command needs root or a capability, or the store's user lacks a permission.",
     "run it as root on the host, or give the store's user the permission"},
    {Errc::kernel,
     "The kernel refused an operation; the message names it, its object and the kernel's own reason.",
     "undo what the reason names and apply again: it goes on where it stopped"},
    {Errc::not_found, "The thing that was asked for is not there.",
     "look at what there is: ovl network ls, "
     "ovl host ls, ovl endpoint ls",
     false},
    {Errc::corrupt, "Stored data did not pass its validation; nothing was made from it.",
     "ovl keystore check names the keys; an apply with the manifest writes them anew", false},
    {Errc::verify, "All was applied, but reading back shows a difference: somebody changes the same objects.",
     "ovl plan shows what differs; stop the other program, then apply again"},
    {Errc::interrupted,
     "SIGINT, SIGTERM or SIGHUP ended the command between two steps; a second one ends it at once.",
     "apply again: it goes on where it stopped"},
    {Errc::unsupported, "This build or this kernel cannot do it.",
     "install what the message names, or use another host or store"},
    {Errc::bug, "A promise inside ovl is broken.", "please report it with the command and its whole output"},
}};

inline constexpr std::array kCatalogue = std::to_array<CatalogueEntry>({
    // ---- text
    {"too-large", Stage::text, Errc::manifest, "A file is larger than a manifest may be.",
     "Split it into several files in one directory."},
    {"not-utf8", Stage::text, Errc::manifest, "A byte of the file is not UTF-8, or the file is UTF-16.",
     "Save the file as UTF-8."},
    {"control-character", Stage::text, Errc::manifest, "A control character stands in the file.",
     "Remove it, or write it as an escape in a string; end lines with LF or CR LF."},
    {"too-deep", Stage::text, Errc::manifest,
     "More brackets are open, or a key has more segments, than any "
     "manifest needs.",
     "Close the brackets; shorten the key."},
    {"syntax", Stage::text, Errc::manifest, "The file is not TOML at this place.",
     "Do what the hint says; text, addresses and subnets stand in quotes."},
    {"duplicate-key", Stage::text, Errc::manifest, "A key is set twice in one block.",
     "Remove one of the two."},
    {"duplicate-name", Stage::text, Errc::manifest,
     "A block is defined twice, in one file or in two; names compare without case.",
     "Rename or merge one of them."},
    // ---- blocks
    {"unknown-block", Stage::blocks, Errc::manifest,
     "A block has a name that ovl does not know, or a key stands before the first block.",
     "Correct the name, or move the key below its block's header."},
    {"wrong-block", Stage::blocks, Errc::manifest,
     "A block has the wrong form: a table, a table by name or an "
     "array of tables is wanted.",
     "Write its header as the hint shows it."},
    {"missing-block", Stage::blocks, Errc::manifest, "The manifest has no [cluster].",
     "Add it, with a name."},
    {"unknown-key", Stage::blocks, Errc::manifest, "A block has a key that ovl does not know.",
     "Correct it; docs/manifest.md lists every key."},
    {"missing-key", Stage::blocks, Errc::manifest, "A required key is missing.", "Add it."},
    {"misplaced-key", Stage::blocks, Errc::manifest,
     "An endpoint with networks has a key that belongs to each of "
     "them.",
     "Move it below the network that it is meant for."},
    {"wrong-type", Stage::blocks, Errc::manifest, "A value has another type than its key takes.",
     "Write it like the example in the hint."},
    {"invalid-value", Stage::blocks, Errc::manifest, "A value has the right type and breaks its rules.",
     "Write it as the hint says."},
    {"reserved-name", Stage::blocks, Errc::manifest, "A name is kept for ovl or has a meaning already.",
     "Choose another name: not outside, not localhost, not beginning with ovl-."},
    {"literal-secret", Stage::blocks, Errc::manifest,
     "A secret stands in the manifest instead of a reference "
     "to it.",
     "Name where it is: env:NAME or file:PATH."},
    {"subnet-and-subnets", Stage::blocks, Errc::manifest, "A network has both subnet and subnets.",
     "Write all of them in subnets."},
    {"host-only-key", Stage::blocks, Errc::manifest,
     "The manifest's [policy] has a key that the host alone decides.",
     "Set it in the host's own policy, /etc/ovl/policy.toml."},
    {"network-and-networks", Stage::blocks, Errc::manifest, "An endpoint has both network and networks.",
     "Write all of them below networks."},
    // ---- keystore
    {"secret-in-url", Stage::keystore, Errc::manifest, "The keystore's URL holds a user or a secret.",
     "Use the keys token, user and password, with references."},
    {"plaintext", Stage::keystore, Errc::manifest,
     "Transport to the keystore leaves this machine without "
     "encryption.",
     "Give it tls, or set allow_plaintext = true."},
    {"tls-half", Stage::keystore, Errc::manifest,
     "tls has a certificate without its key, or a key without its "
     "certificate.",
     "Give both, or none."},
    {"tls-unsupported", Stage::keystore, Errc::manifest, "The client of this keystore has no TLS.",
     "Put a tunnel on this machine, or set allow_plaintext = true."},
    // ---- hosts
    {"unfit-address", Stage::hosts, Errc::manifest,
     "No host can be reached by this address: loopback, "
     "multicast, unspecified and link-local ones.",
     "Give the address of the interface that faces the other hosts."},
    {"unfit-subnet", Stage::hosts, Errc::manifest,
     "A subnet or gateway pool is of a range or a size that cannot "
     "hold endpoints.",
     "Use a private subnet that is large enough."},
    {"duplicate-address", Stage::hosts, Errc::manifest,
     "Two hosts advertise one address, or two endpoints of a "
     "network are given one.",
     "Each has an address of its own; one that is left out is chosen."},
    {"mixed-families", Stage::hosts, Errc::manifest,
     "IPv4 and IPv6 are mixed where one family is needed: between "
     "advertise and bind, or among the hosts of a network.",
     "Give addresses of one family."},
    // ---- networks
    {"subnets-overlap", Stage::networks, Errc::manifest,
     "Two subnets that one network has, or one endpoint is in, "
     "overlap.",
     "Give one of them another subnet."},
    {"address-without-subnet", Stage::networks, Errc::manifest,
     "An address or a range is given in a network whose subnet the manifest leaves out, and the one that the "
     "records "
     "have, or that is chosen, does not hold it.",
     "Declare the subnet, or leave the address out."},
    {"address-outside-subnet", Stage::networks, Errc::manifest,
     "An address is in none of its network's subnets.", "Take an address from one of them."},
    {"address-not-usable", Stage::networks, Errc::manifest,
     "An address is its subnet's network, broadcast or "
     "anycast address.",
     "Take one between the two."},
    {"range-outside-subnet", Stage::networks, Errc::manifest,
     "An ip_range is in none of its network's subnets.", "Take a part of one of them."},
    {"one-per-subnet", Stage::networks, Errc::manifest, "A subnet has two gateways or two ranges.",
     "Give at most one per subnet."},
    {"mtu-too-small", Stage::networks, Errc::manifest, "An MTU is too small for IPv6 (RFC 8200, section 5).",
     "Use at least 1280, or no IPv6 subnet."},
    {"duplicate-vni", Stage::networks, Errc::manifest, "Two networks have one VNI on one port.",
     "Leave vni out to have one chosen."},
    // ---- endpoints
    {"unknown-host", Stage::endpoints, Errc::manifest,
     "An endpoint is on a host that the manifest does not define.", "Correct the name, or define the host."},
    {"unknown-network", Stage::endpoints, Errc::manifest,
     "An endpoint is in a network that the manifest does not "
     "define.",
     "Correct the name, or define the network."},
    {"mac-not-unicast", Stage::endpoints, Errc::manifest, "A MAC address is a group's, or all zeros.",
     "Use one whose second digit is even, like 02:..., or leave it out."},
    {"one-per-family", Stage::endpoints, Errc::manifest,
     "An endpoint has two addresses of one family in a network.",
     "Give at most one IPv4 and one IPv6 address."},
    {"address-is-gateway", Stage::endpoints, Errc::manifest, "An endpoint is given the gateway's address.",
     "Give it another one, or the network another gateway."},
    {"address-reserved", Stage::endpoints, Errc::manifest,
     "An endpoint is given an address that its network "
     "reserves.",
     "Give it another one, or stop reserving this one."},
    {"duplicate-mac", Stage::endpoints, Errc::manifest,
     "Two endpoints of a network are given one MAC address.", "Leave one of them out to have it chosen."},
    {"duplicate-netns", Stage::endpoints, Errc::manifest, "Two endpoints of one host share a namespace.",
     "Make them one endpoint with several networks."},
    {"alias-clash", Stage::endpoints, Errc::manifest,
     "An alias is the name of an endpoint in its network, or stands twice in one list.",
     "Choose another alias."},
    {"too-many-ports", Stage::endpoints, Errc::manifest,
     "A bridge would have more ports than the kernel numbers.",
     "Spread the endpoints over more hosts or networks."},
    {"record-too-long", Stage::endpoints, Errc::manifest,
     "The record of a block would be longer than what readers of the keystore take (docs/keystores.md, "
     "\"How much is read\").",
     "Divide the network, or give the block shorter lists, fewer aliases or labels."},
    {"too-many-routes", Stage::endpoints, Errc::manifest,
     "A host would have more than 100,000 routes to the subnets of the networks that its endpoints are in: "
     "each endpoint has one to each of them.",
     "Give the networks fewer, wider subnets, or spread the endpoints over more hosts."},
    {"too-many-names", Stage::endpoints, Errc::manifest,
     "The hosts files of a host would have more than 4 GiB together: each endpoint's has the names and "
     "aliases of all endpoints in its networks.",
     "Give the endpoints fewer and shorter aliases, or spread them over more hosts and networks."},
    {"too-many-labels", Stage::endpoints, Errc::manifest,
     "The labels of endpoints, which stand in the record of each network that one is in, would have more "
     "than 512 MiB together.",
     "Give endpoints that are in many networks fewer or shorter labels."},
    // ---- moved
    {"moved-name", Stage::moved, Errc::manifest, "from or to of a [[moved]] names no block.",
     "Write host.NAME, network.NAME or endpoint.NAME."},
    {"moved-kind", Stage::moved, Errc::manifest, "A [[moved]] goes from one kind of block to another.",
     "Keep the kind, change the name."},
    {"moved-from-exists", Stage::moved, Errc::manifest,
     "The old name of a [[moved]] is still in the manifest.",
     "Remove the [[moved]], or the block of the old name."},
    {"moved-to-missing", Stage::moved, Errc::manifest, "The new name of a [[moved]] is not in the manifest.",
     "Correct it, or define the block."},
    {"moved-twice", Stage::moved, Errc::manifest, "A name is moved twice.",
     "Remove one of the two [[moved]]."},
    {"moved-circle", Stage::moved, Errc::manifest, "Renames lead in a circle, and to no block.",
     "Remove the [[moved]] that goes back to an older name."},
    // ---- choice
    {"no-subnet", Stage::choice, Errc::manifest,
     "No /24 in 10.0.0.0/8 is free for a network without a subnet.", "Give the network a subnet."},
    {"no-gateway-pool", Stage::choice, Errc::manifest, "No prefix is free for a host's gateway bridge.",
     "Give the host a gateway_pool."},
    {"subnet-full", Stage::choice, Errc::manifest, "A network has no address left for an endpoint.",
     "Add a subnet to the network, widen its ip_range, or remove endpoints."},
    {"gateway-pool-full", Stage::choice, Errc::manifest,
     "A host's gateway pool has no address left for an endpoint.", "Give the host a larger gateway_pool."},
    {"netns-kept", Stage::choice, Errc::manifest,
     "An endpoint that was renamed keeps its namespace, and another one is to have the same.",
     "Give one of them a netns of its own."},
    // ---- plan
    {"foreign-netns", Stage::plan, Errc::conflict,
     "A namespace of a sandbox's name exists, and ovl did not make it.", "Remove or rename it."},
    {"foreign-link", Stage::plan, Errc::conflict,
     "A network device of a wanted name exists, and ovl did not make it.", "Remove or rename it."},
    {"foreign-table", Stage::plan, Errc::conflict,
     "An nftables table of a wanted name exists, and ovl did not make it.", "Remove or rename it."},
    {"unusable-file", Stage::plan, Errc::conflict,
     "A hosts file or resolv.conf of an endpoint is no plain file, too large or can't be written, or a link "
     "or "
     "another file stands where its folder belongs.",
     "Make it a plain file of at most 64 MiB that root may write, or remove it."},
    {"foreign-route", Stage::plan, Errc::conflict,
     "A route or a rule in an endpoint's namespace takes the place of one that ovl would make, or leads all "
     "of a "
     "network's subnet elsewhere before the endpoint is made; the endpoint is left as it is.",
     "Remove it, give it another metric, or give the network another subnet."},
    {"hidden-prefix", Stage::plan, Errc::conflict,
     "Warning: a route or a rule in an endpoint's namespace that is not ovl's leads a part of a network "
     "elsewhere, or "
     "all of "
     "it since the endpoint was made.",
     "Remove it, if nobody needs it."},
    {"shared-netns", Stage::plan, Errc::conflict,
     "Two endpoints' namespaces are two names of one, as the containers of a pod have; the endpoints are "
     "left as "
     "they are.",
     "Give each endpoint a namespace of its own, or one endpoint several networks."},
    {"unusable-place", Stage::plan, Errc::conflict,
     "Where ovl keeps its state or makes namespaces, a link or a file stands in the place of a folder, or "
     "the "
     "file system is read-only.",
     "Make it a folder that root may write, or remove what is there."},
    {"port-held", Stage::plan, Errc::conflict,
     "The UDP port of a network's tunnels is another program's, or a device's that shares it with none of "
     "ours.",
     "End that program, or give the network another port."},
    {"vni-held", Stage::plan, Errc::conflict,
     "A VXLAN device that ovl did not make has a network's VNI on its port.",
     "Remove that device, or give the network another vni."},
    {"unreadable-netns", Stage::plan, Errc::conflict,
     "A namespace, or a file of it, can't be read; its part of this host is left as it is.",
     "Look at what the message names: a link instead of a file, a namespace that never stops changing."},
    {"facts-cut", Stage::plan, Errc::guard,
     "A host has more routes, addresses or VXLANs than one record of the keystore may hold; the other hosts "
     "are "
     "told the widest routes and the first of the others.",
     "Give networks their subnets, VNIs and pools, so that none is chosen that is in use there."},
    {"netns-not-listed", Stage::plan, Errc::guard,
     "An endpoint would take a namespace that exists and that this host does not list in "
     "/etc/ovl/netns.toml; the "
     "endpoint is left as it is.",
     "Add the namespace to the list, or give the endpoint one that ovl makes."},
    {"other-cluster", Stage::plan, Errc::conflict,
     "Another cluster's gateway, filter or sandbox is on this host; a host is in one cluster only.",
     "Let the host leave the other cluster first, ovl destroy --scope host --cluster NAME, or apply on "
     "another."},
    {"part-failed", Stage::plan, Errc::kernel,
     "The kernel refused a change in one part of this host, or what was made there was at once changed "
     "again; "
     "that part is left as it is.",
     "Remove or stop what the message names; the next apply goes on with it."},
    {"foreign-cluster", Stage::plan, Errc::conflict,
     "What would be taken over has the mark of another cluster.", "Let it go there first."},
    {"adopt-differs", Stage::plan, Errc::conflict, "What would be taken over is not equal to what is wanted.",
     "Make it equal, or remove or rename it."},
    {"adopt-undeclared", Stage::plan, Errc::conflict,
     "Something stands on a device that would be taken over, and nobody declared it.",
     "Declare it, or remove it."},
    {"host-not-known", Stage::plan, Errc::privilege,
     "Warning: this host could not be looked at without root; its part of the plan is missing.",
     "Plan as root, or leave this host out with --scope cluster."},
    {"hosts-file-too-large", Stage::plan, Errc::conflict,
     "An endpoint's networks have more names than a hosts file may hold.",
     "Put fewer endpoints into its networks."},
    {"mtu-too-large", Stage::plan, Errc::conflict,
     "A declared MTU and the encapsulation do not fit into this "
     "host's underlay.",
     "Declare a smaller mtu, or raise the underlay's."},
    {"protected", Stage::plan, Errc::guard, "A record with protect = true would be removed or replaced.",
     "Apply it once with protect = false."},
    {"max-destroy", Stage::plan, Errc::guard, "The plan removes more records than --max-destroy lets pass.",
     "Read the plan; if it is meant, say the number: --max-destroy N."},
    {"pool-in-use", Stage::plan, Errc::guard,
     "A host's gateway pool holds an address or a route of the host's, of any table, one that drops what is "
     "sent there too, or a peer or the keystore; or it is part of the host's own subnet or of what a table "
     "beside the main one leads to: the host would answer for machines that exist, or never be asked. A part "
     "of what the main table drops as a whole (blackhole) is free. A chosen pool of which nothing is made "
     "yet is "
     "chosen anew by an apply with the manifest on that host.",
     "Declare a gateway_pool that nothing else uses, or take away what came later."},
    {"subnet-in-use", Stage::plan, Errc::conflict,
     "A subnet that was chosen for a network holds an address, a route or a nameserver of this host, a VTEP "
     "or "
     "the keystore, or is part of the host's own subnet: endpoints with a way out don't reach it. The "
     "network "
     "is left as it is on this host.",
     "Take away what came later, or declare a subnet for the network that nothing else uses."},
    {"subnet-covers", Stage::plan, Errc::conflict,
     "Warning: a declared subnet holds the address of a host or of the keystore, or overlaps the subnet by "
     "which "
     "a host reaches the others: its endpoints don't reach what is there.",
     "Give the network a subnet that nothing else uses."},
    {"vtep-taken", Stage::plan, Errc::guard,
     "A host's interface has the address by which the others reach another host. On the host itself the plan "
     "is refused; elsewhere it is a warning, and the host stays as it was.",
     "Give it an address of its own; if the other host no longer has it, apply there first, or remove it."},
    {"older-build", Stage::plan, Errc::guard,
     "A record would say what the build of ovl on one of its hosts does not know: that host would refuse the "
     "record and stop following what it is part of.",
     "Update ovl on the hosts that are named, and apply there; then apply this."},
    {"newer-format", Stage::plan, Errc::guard,
     "A newer build of ovl has written a record in a format that this one can't read. Its network or host "
     "stays "
     "as it is, and nothing is written to the cluster's records from here.",
     "Update ovl here, or apply where it is newer. Where no build is, somebody else wrote it: remove that "
     "key "
     "with the store's own tools, and apply."},
    {"policy-file", Stage::plan, Errc::guard, "A host's policy has no [policy], or another block beside it.",
     "Write [policy] and its keys, nothing else."},
    {"policy-max-destroy", Stage::plan, Errc::guard, "The plan removes more records than a policy allows.",
     "Remove them in several applies, or change max_destroy in the policy that the hint names."},
    {"policy-protect", Stage::plan, Errc::guard,
     "A record that a policy protects would be removed or renamed.",
     "Keep it, or change protect in the policy that the hint names."},
    {"policy-forbid", Stage::plan, Errc::guard, "The plan has a change that a policy forbids.",
     "Leave it, or change forbid in the policy that the hint names."},
    {"policy-subnet", Stage::plan, Errc::guard,
     "A network's subnet is inside none of those that a policy allows.",
     "Give the network a subnet inside one of them; a chosen one changes when it is declared."},
    {"policy-vni", Stage::plan, Errc::guard, "A network's VNI is not in the range that a policy allows.",
     "Give the network a vni in it."},
    {"policy-host", Stage::plan, Errc::guard, "A host has a name that a policy does not allow.",
     "Give it another name, or change hosts in the policy that the hint names."},
    {"policy-window", Stage::plan, Errc::guard,
     "Records would change at a time that a policy does not allow.",
     "Apply again in one of the windows that the hint shows."},
    {"policy-unsigned", Stage::plan, Errc::guard,
     "Records would change, and no commit that somebody trusted has signed says so.",
     "Sign the commit with a key of the host's list, and have it read from the repository, not from a work "
     "tree."},
    {"moved-blocked", Stage::plan, Errc::conflict,
     "Warning: what a [[moved]] names is not renamed, as its new name is there already, or has come from "
     "another old name.",
     "Read in the plan what is removed; to keep both, give it a block again and leave its [[moved]] out."},
    {"way-out-elsewhere", Stage::plan, Errc::conflict,
     "Warning: rules or tables of this host lead what its endpoints send out by a device that has no default "
     "route in the main table; this host's filter lets out by those alone.",
     "Give the main table a default route by that device, or lead endpoints' traffic to another table."},
    {"forward-drop", Stage::plan, Errc::conflict,
     "Warning: another program's chain drops what this host forwards.",
     "Insert the rules that the hint shows into that chain."},
    {"no-nameserver", Stage::plan, Errc::conflict,
     "Warning: /etc/resolv.conf names this machine's own resolver, an address of the loopback, and no other "
     "server is known that endpoints could ask.",
     "Name a server there that others reach, too, or let systemd-resolved know one (`resolvectl dns`)."},
    {"file-for-several", Stage::plan, Errc::conflict,
     "Warning: the keystore is a SQLite file, and hosts of the manifest have said nothing in it. Another "
     "machine does "
     "not see the file.",
     "Name a server that all hosts reach, or apply on these hosts, where they are on this machine."},
    {"tunnel-drop", Stage::plan, Errc::conflict,
     "Warning: another program's chain on this host drops the packets of tunnels, from other hosts or to "
     "them.",
     "Let that chain accept the UDP port, as the hint shows."},
    {"small-underlay", Stage::plan, Errc::conflict,
     "Warning: one host's underlay makes the MTU of its networks smaller than IPv6's 1,280 bytes.",
     "Raise the MTU of that host's underlay."},
    {"address-untold", Stage::plan, Errc::conflict,
     "Warning: this host's interface has another address than its record says, and a host alone changes no "
     "records: the other hosts don't reach it through the tunnels.",
     "Apply the manifest, here or on another host."},
    {"asymmetric-route", Stage::plan, Errc::conflict,
     "Warning: this host's answers to another host leave by another interface than its VTEP is on.",
     "Route to that host by the VTEP's interface, or set source_check = \"loose\" in this host's block."},
    {"dirty-source", Stage::plan, Errc::conflict,
     "Warning: the manifest's files are not those of the commit.", "Commit them."},
    {"shallow-source", Stage::plan, Errc::conflict,
     "Warning: the manifest lies in a shallow clone, whose history has no beginning: its records' source is "
     "the "
     "plain files, and a whole clone is refused later.",
     "git fetch --unshallow, or fetch-depth: 0 in a pipeline."},
    {"keystore-lost", Stage::plan, Errc::not_found,
     "Warning: the keystore does not hold the cluster that this host "
     "knows; an apply rebuilds it.",
     "If this is another keystore by mistake, do not apply."},
    {"new-cluster", Stage::plan, Errc::guard,
     "The keystore holds no such cluster, and this place remembers none: whether it is new or was lost can't "
     "be "
     "told.",
     "If it is new: --new-cluster. If it was lost: apply where it is remembered, on one of its hosts."},
    {"keystore-put-back", Stage::plan, Errc::conflict,
     "Warning: the keystore holds this cluster as it was long ago, or one that was begun anew under its "
     "name; an "
     "apply puts back lineage, ids and addresses.",
     "If this is another keystore by mistake, do not apply."},
    {"keystore-away", Stage::plan, Errc::unreachable,
     "Warning: the keystore can't be reached; this host keeps to the records that it realised last, and "
     "removes "
     "nothing.",
     "Look whether the store runs; the host follows it when it is back."},
    {"keystore-partial", Stage::plan, Errc::corrupt,
     "Warning: the records in the keystore are not those of its newest generation: some were lost or changed "
     "by "
     "hand, or a write was cut short. A host alone keeps to the records that it realised last, and removes "
     "nothing.",
     "Apply the manifest, best on a host that stands at that generation: it puts back what is missing."},
    // ---- store
    {"refused-record", Stage::store, Errc::corrupt,
     "A value in the keystore did not pass its validation; hosts keep "
     "what they had.",
     "Apply the manifest again from a trusted place, or remove the key."},
    {"unknown-keys", Stage::store, Errc::corrupt,
     "Keys stand in the cluster's tree that this ovl does not know. They are counted, not loaded, and "
     "nothing is made of them.",
     "Remove them with the store's own tools, or bring ovl here up to the version that wrote them."},
    {"claim-missing", Stage::store, Errc::corrupt,
     "No claim stands for an address, name or VNI that a record has.", "Apply the manifest."},
    {"claim-held", Stage::store, Errc::corrupt,
     "A claim is held by another record than the one that has its value.", "Apply the manifest."},
    {"claim-orphaned", Stage::store, Errc::corrupt, "A claim is held for a record that does not need it.",
     "Apply the manifest."},
    {"head-digest", Stage::store, Errc::corrupt,
     "The records are not those of the newest generation: a write was "
     "cut short, or somebody edits the store.",
     "Apply the manifest."},
});

// The entry of that id, or nullptr.
constexpr const CatalogueEntry* find_entry(std::string_view id) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.id == id) return &entry;
  }
  return nullptr;
}

// An id of the catalogue, or none. From a literal alone: one that is not in the catalogue does not compile.
class FindingId {
 public:
  constexpr FindingId() = default;

  consteval FindingId(const char* literal) : text_(find_entry(literal)->id) {}

  // The one of this text; none: it is not in the catalogue.
  static constexpr std::optional<FindingId> find(std::string_view text) {
    FindingId out;
    if (text.empty()) return out;
    const CatalogueEntry* entry = find_entry(text);
    if (entry == nullptr) return std::nullopt;
    out.text_ = entry->id;
    return out;
  }

  [[nodiscard]] std::string text() const { return std::string(text_); }

  [[nodiscard]] constexpr bool empty() const { return text_.empty(); }

  constexpr bool operator==(const FindingId&) const = default;

 private:
  std::string_view text_;
};

// The family of a code.
constexpr const ErrorFamily& family_of(Errc code) {
  return kErrorFamilies[static_cast<std::size_t>(code)];
}

// What to do about an error: its own hint, or its family's remedy where that fits all; may be empty.
inline std::string remedy_for(const Error& error) {
  const ErrorFamily& family = family_of(error.code);
  return error.hint.empty() && family.fits_all ? std::string(family.remedy) : error.hint;
}

}  // namespace ovl
