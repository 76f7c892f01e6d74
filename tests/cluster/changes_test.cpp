// Every change of a cluster's life, one after the other in one lab, under traffic: what is not concerned
// loses no packet, what is concerned is named in the plan, and its measured gap is beside the predicted one.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <set>
#include <string_view>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kHead = R"([cluster]
name = "life"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "{left}"
[host.right]
advertise = "192.168.99.105"
[network.calm]
subnet = "10.0.7.0/24"
[endpoint.calm-one]
network = "calm"
host = "left"
[endpoint.calm-two]
network = "calm"
host = "right"
)";

constexpr const char* kThird = "[host.third]\nadvertise = \"192.168.99.106\"\n";

// What is written behind the network that changes.
struct Blocks {
  std::string left = "192.168.99.104";
  std::string network = "my-net";
  std::string network_keys = "subnet = \"10.0.9.0/24\"\n";
  std::string web_keys;
  std::string more;

  [[nodiscard]] std::string text() const {
    std::string out = kHead;
    out.replace(out.find("{left}"), 6, left);
    if (network.empty()) return out;
    out += fmt::format("[network.{}]\n{}", network, network_keys);
    out += fmt::format("[endpoint.web]\nnetwork = \"{}\"\nhost = \"left\"\n{}", network, web_keys);
    out += fmt::format("[endpoint.client]\nnetwork = \"{}\"\nhost = \"right\"\n", network);
    return out + more;
  }
};

struct Sent {
  int packets = 0;
  int lost = 0;

  // One packet is sent every 10 ms.
  [[nodiscard]] int gap_ms() const { return lost * 10; }
};

int number_before(const std::string& text, const std::string& word) {
  const auto end = text.find(word);
  if (end == std::string::npos) return -1;
  auto begin = end;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  int number = -1;
  std::from_chars(text.data() + begin, text.data() + end, number);
  return number;
}

// The numbers of the packets that were answered.
std::set<int> answered_in(const std::string& report) {
  constexpr std::string_view word = "icmp_seq=";
  std::set<int> out;
  for (std::size_t at = 0; (at = report.find(word, at)) != std::string::npos;) {
    at += word.size();
    int number = 0;
    const auto end = std::from_chars(report.data() + at, report.data() + report.size(), number).ptr;
    // Who can't deliver one names its number too, but no TTL.
    if (std::string_view(end, report.data() + report.size()).starts_with(" ttl=")) out.insert(number);
  }
  return out;
}

// When ping is ended, what it sent in the last 50 ms may still be on its way. Nothing changes by then: the
// last that settle() does is a plan.
constexpr int kOnTheirWay = 5;

Sent sent_in(const std::string& report) {
  const int packets = number_before(report, " packets transmitted");
  const std::set<int> answered = answered_in(report);
  const int last = answered.empty() ? 0 : *answered.rbegin();
  const int missing = last - static_cast<int>(answered.size());
  return Sent{.packets = packets, .lost = missing + (packets - last > kOnTheirWay ? packets - last : 0)};
}

class Changes : public LabRig {
 protected:
  void begin() {
    up(Blocks{}.text() + kThird);
    write(blocks_.text());
    settle();
  }

  // Applies on both hosts until nothing is left to do; answers the plan that the first of them showed.
  std::string settle() const {
    std::string first;
    for (int round = 0; round < 5; ++round) {
      for (const char* host : {"left", "right"}) {
        const std::string shown = apply(host);
        if (first.empty()) first = shown;
      }
      if (on("left", "ovl plan --detailed-exitcode").code == 0) return first;
    }
    ADD_FAILURE() << "it does not come to an end: " << on("left", "ovl plan").out;
    return first;
  }

  [[nodiscard]] std::string start_ping(const std::string& endpoint, const std::string& address) const {
    const Ran ran = on("right", fmt::format("ovl exec {} -- ping -i 0.01 {} >{}/{}.ping 2>&1 & echo $!",
                                            endpoint, address, directory(), endpoint));
    EXPECT_EQ(ran.code, 0) << ran.out;
    return ran.out.substr(0, ran.out.find('\n'));
  }

  [[nodiscard]] Sent end_ping(const std::string& endpoint, const std::string& pid) const {
    const Ran ran =
        on("right", fmt::format("kill -INT {0}; while [ -e /proc/{0}/exe ]; do :; done; cat {1}/{2}.ping",
                                pid, directory(), endpoint));
    return sent_in(ran.out);
  }

  struct Seen {
    std::string plan;
    Sent concerned;
    Sent calm;
  };

  // Makes the change under traffic on both networks.
  Seen change(const std::string& what, const std::string& web = "10.0.9.2") {
    write(blocks_.text());
    const std::string concerned = start_ping("client", web);
    const std::string calm = start_ping("calm-two", "10.0.7.2");
    Seen seen;
    seen.plan = settle();
    seen.concerned = end_ping("client", concerned);
    seen.calm = end_ping("calm-two", calm);
    std::cout << fmt::format("{:<28} concerned: {} of {} lost, {} ms; calm: {} of {} lost\n", what,
                             seen.concerned.lost, seen.concerned.packets, seen.concerned.gap_ms(),
                             seen.calm.lost, seen.calm.packets);
    EXPECT_GT(seen.calm.packets, 5) << what;
    return seen;
  }

  // Nobody loses a packet, and the plan promises so.
  void quiet(const std::string& what, const std::string& in_plan) {
    const Seen seen = change(what);
    EXPECT_EQ(seen.calm.lost, 0) << what;
    EXPECT_EQ(seen.concerned.lost, 0) << what << "\n" << seen.plan;
    EXPECT_NE(seen.plan.find(in_plan), std::string::npos) << what << "\n" << seen.plan;
    EXPECT_EQ(seen.plan.find("Interruptions:"), std::string::npos) << seen.plan;
  }

  // The plan names the interruption; the others lose nothing.
  Seen loud(const std::string& what, const std::string& in_plan) {
    Seen seen = change(what);
    EXPECT_EQ(seen.calm.lost, 0) << what;
    EXPECT_NE(seen.plan.find(in_plan), std::string::npos) << what << "\n" << seen.plan;
    EXPECT_NE(seen.plan.find("Interruptions:"), std::string::npos) << what << "\n" << seen.plan;
    return seen;
  }

  Blocks blocks_;
};

constexpr const char* kDb = "[endpoint.db]\nnetwork = \"my-net\"\nhost = \"left\"\n";

}  // namespace

TEST_F(Changes, OfEndpointsDisturbNobodyElse) {
  begin();
  blocks_.more = kDb;
  quiet("endpoint added", "+ endpoint.db[\"my-net\"]  (absent)");
  blocks_.more = "[endpoint.db]\nnetwork = \"my-net\"\nhost = \"right\"\n";
  EXPECT_NE(loud("endpoint moved", "~ endpoint.db[\"my-net\"]")
                .plan.find("endpoint.db[\"my-net\"]: all its traffic"),
            std::string::npos);
  blocks_.more += "address = \"10.0.9.50\"\n";
  loud("endpoint renumbered", "addresses  -10.0.9.4 +10.0.9.50");
  blocks_.more += "aliases = [\"store\"]\n";
  quiet("endpoint re-aliased", "aliases  +store");
  blocks_.more =
      "[endpoint.db]\nhost = \"right\"\n[endpoint.db.networks.my-net]\naddress = \"10.0.9.50\"\n"
      "aliases = [\"store\"]\n[endpoint.db.networks.calm]\n";
  quiet("endpoint on a second network", "+ endpoint.db[\"calm\"]  (absent)");
  blocks_.more.clear();
  const Seen removed = loud("endpoint removed", "endpoint.db[\"calm\"]: all its traffic, for good");
  EXPECT_EQ(removed.concerned.lost, 0);
}

// Who lives in the old one reaches nobody any more, and was told so.
TEST_F(Changes, OfANamespaceCutOffWhoLivesInIt) {
  begin();
  const Ran started =
      on("left", "cd " + directory() +
                     " && mkfifo in && { ip netns exec web sh -c 'echo $$ >in; exec sleep 600' "
                     ">/dev/null 2>&1 & read pid <in; echo $pid; }");
  const std::string pid = started.out.substr(0, started.out.find('\n'));
  const std::string from_old = "nsenter -t " + pid + " -n ping -c 1 -W 2 10.0.9.3";
  EXPECT_EQ(on("left", from_old).code, 0) << started.out;
  blocks_.web_keys = "netns = \"web-two\"\n";
  loud("endpoint in another netns", "endpoint.web[\"my-net\"]: what runs in netns web, for good");
  EXPECT_NE(on("left", from_old).code, 0);
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 10.0.9.3").code, 0);
  EXPECT_EQ(on("left", "kill " + pid).code, 0) << "it lived till then";
}

TEST_F(Changes, OfANetworkAreInPlaceOrInGenerations) {
  begin();
  blocks_.network_keys += "mtu = 1400\n";
  quiet("network MTU", "mtu  none -> 1400");
  blocks_.network_keys += "vni = 4242\n";
  quiet("network VNI", "vni 1048577 -> 4242 (step 1 of 3: every host gets a second tunnel)");
  blocks_.network_keys += "port = 4790\n";
  quiet("network port", "port 4789 -> 4790 (step 1 of 3: every host gets a second tunnel)");
  blocks_.network_keys =
      "subnets = [\"10.0.9.0/24\", \"10.0.19.0/24\"]\nmtu = 1400\nvni = 4242\nport = 4790\n";
  quiet("subnet added", " +10.0.19.0/24");
  blocks_.network_keys =
      "subnets = [\"10.0.9.0/24\", \"10.0.19.0/24\", \"fd00:9::/64\"]\nmtu = 1400\nvni = 4242\nport = 4790\n";
  quiet("subnet of another family", "fd00:9::/64");
  blocks_.network_keys += "internal = true\n";
  const Seen closed = loud("network internal", "endpoint.web: its way out, for good");
  EXPECT_EQ(closed.concerned.lost, 0) << closed.plan;
  blocks_.network = "front";
  blocks_.more = "[[moved]]\nfrom = \"network.my-net\"\nto = \"network.front\"\n";
  const Seen renamed = loud("network renamed", "~ network.my-net -> network.front  (has another name)");
  EXPECT_EQ(renamed.plan.find("\n      id "), std::string::npos) << "ids stay: " << renamed.plan;
  EXPECT_GT(renamed.concerned.packets, renamed.concerned.lost) << "it comes back";
  blocks_.more.clear();
  blocks_.web_keys = "address = \"10.0.9.77\"\n";
  const Seen renumbered =
      loud("endpoint under traffic moved", "endpoint.web[\"front\"]: all its traffic, until");
  EXPECT_GT(renumbered.concerned.lost, 0) << "its old address answers no more";
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  blocks_.network.clear();
  const Seen removed = loud("network removed", "endpoint.web[\"front\"]: all its traffic, for good");
  EXPECT_EQ(removed.calm.lost, 0);
  EXPECT_NE(removed.plan.find("- network.front  (no longer declared)"), std::string::npos) << removed.plan;
}

TEST_F(Changes, OfHostsAreNamedWithThoseThatMustApplyToo) {
  begin();
  blocks_.more = kThird;
  quiet("host added", "+ host.third  (absent)");
  blocks_.more.clear();
  quiet("host removed", "- host.third  (no longer declared)");
  ASSERT_EQ(on("left", "ip address add 192.168.99.114/24 dev eth1").code, 0);
  blocks_.left = "192.168.99.114";
  const Seen seen = change("host readdressed");
  EXPECT_NE(seen.plan.find("host.left: traffic with other hosts, until these have applied too: left, right"),
            std::string::npos)
      << seen.plan;
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 10.0.9.2").code, 0);
}

TEST_F(Changes, ASubnetGrowsUnderItsEndpoints) {
  begin();
  blocks_.network_keys = "subnet = \"10.0.8.0/23\"\n";
  quiet("subnet grown", "-10.0.9.0/24 +10.0.8.0/23");
}

// The machine's own hostname may stay.
TEST_F(Changes, ARenamedHostIsFoundByItsOldName) {
  begin();
  const std::string id = on("left", "ovl host inspect --json left | grep '\"id\"'").out;
  std::string text = blocks_.text();
  for (std::size_t at = 0; (at = text.find("left", at)) != std::string::npos;) text.replace(at, 4, "west");
  write(text + "[[moved]]\nfrom = \"host.left\"\nto = \"host.west\"\n");
  // One whose hostname is neither name goes by what it was when it applied last.
  const Ran nameless = on("left", "hostname elsewhere; ovl plan; hostname left");
  EXPECT_TRUE(nameless.has("has another name")) << nameless.out;
  EXPECT_FALSE(nameless.has("no longer declared")) << nameless.out;
  const std::string calm = start_ping("calm-two", "10.0.7.2");
  const std::string plan = apply("left");
  EXPECT_EQ(plan.find("Interruptions"), std::string::npos) << plan;
  apply("right");
  EXPECT_EQ(end_ping("calm-two", calm).lost, 0) << plan;
  EXPECT_NE(plan.find("~ host.left -> host.west  (has another name)"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("Interruptions"), std::string::npos) << plan;
  EXPECT_EQ(on("left", "ovl host inspect --json west | grep '\"id\"'").out, id);
  EXPECT_EQ(on("left", "cd / && ovl plan --scope host --detailed-exitcode").code, 0);
  EXPECT_EQ(on("right", "ovl plan --detailed-exitcode").code, 0);
  // One that has not applied since finds itself by its record's id.
  ASSERT_EQ(on("right", "ovl state mv host.right host.east --auto-approve").code, 0);
  for (std::size_t at = 0; (at = text.find("right", at)) != std::string::npos;) text.replace(at, 5, "east");
  write(text);
  const Ran settled = on("right", "hostname elsewhere; ovl plan; hostname right");
  EXPECT_FALSE(settled.has("no longer declared")) << "where the [[moved]] is gone again: " << settled.out;
  EXPECT_TRUE(on("left", "ovl host ls").has("behind: generation ")) << "what it said goes with its name";
  const Ran east = on("right", "cd / && ovl apply --scope host --auto-approve");
  EXPECT_EQ(east.code, 0) << east.out;
  const std::string hosts = on("left", "ovl host ls").out;
  for (const char* former : {" left ", " right "}) EXPECT_EQ(hosts.find(former), std::string::npos) << hosts;
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 10.0.9.2").code, 0);
}

// Its folder's manifest may not know it yet: who follows the records goes by them.
TEST_F(Changes, AHostThatFollowsTheRecordsGoesByTheirName) {
  begin();
  ASSERT_EQ(on("left", "ovl state mv host.right host.east --auto-approve").code, 0);
  const Ran plan = on("right", "ovl plan --scope host --detailed-exitcode");
  EXPECT_FALSE(plan.has("to remove")) << plan.out;
  apply("right", "--scope host");
  EXPECT_TRUE(on("left", "ovl host ls").has(" east "));
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 10.0.9.2").code, 0);
}

// Who keeps a host all the time follows its name as well, and nothing of it is taken for another's.
TEST_F(Changes, AHostThatIsRenamedUnderItsAgentKeepsAll) {
  begin();
  for (const std::string keeper : {"agent", "sync --scope host --interval 500ms"}) {
    const Ran kept = on("right", "ovl " + keeper + " >/run/keeper.log 2>&1 & echo $! >/run/keeper.pid");
    ASSERT_EQ(kept.code, 0) << kept.out;
    const std::string now = keeper == "agent" ? "east" : "south";
    ASSERT_EQ(on("left", "timeout 20 sh -c 'until ovl host ls | grep -q present; do sleep 0.1; done'").code,
              0);
    const std::string calm = start_ping("calm-two", "10.0.7.2");
    const std::string before = keeper == "agent" ? "right" : "east";
    ASSERT_EQ(on("left", "ovl state mv host." + before + " host." + now + " --auto-approve").code, 0);
    const Ran followed = on("right", "timeout 20 sh -c 'until grep -q \"called " + now +
                                         " from now on\" /run/keeper.log; do sleep 0.1; done'");
    EXPECT_EQ(followed.code, 0) << on("right", "cat /run/keeper.log").out;
    EXPECT_EQ(end_ping("calm-two", calm).lost, 0);
    EXPECT_EQ(on("right", "! grep remove /run/keeper.log").code, 0) << on("right", "cat /run/keeper.log").out;
    EXPECT_EQ(on("right", "kill $(cat /run/keeper.pid); tail --pid=$(cat /run/keeper.pid) -f /dev/null").code,
              0);
  }
}

TEST_F(Changes, ASelectionIsExact) {
  begin();
  blocks_.more = std::string(kDb) + "[endpoint.cache]\nnetwork = \"my-net\"\nhost = \"left\"\n";
  write(blocks_.text());
  const std::string target = on("left", "ovl plan --target endpoint.db").out;
  EXPECT_NE(target.find("endpoint.db"), std::string::npos) << target;
  EXPECT_EQ(target.find("+ endpoint.cache"), std::string::npos) << target;
  const std::string exclude = on("left", "ovl plan --exclude endpoint.db").out;
  EXPECT_EQ(exclude.find("+ endpoint.db"), std::string::npos) << exclude;
  EXPECT_NE(exclude.find("+ endpoint.cache"), std::string::npos) << exclude;
  apply("left", "--target endpoint.cache");
  EXPECT_EQ(on("left", "ovl plan --target endpoint.cache --detailed-exitcode").code, 0);
  EXPECT_EQ(on("left", "ovl plan --detailed-exitcode").code, 2) << "endpoint.db is still to come";
  settle();
  const Ran unknown = on("left", "ovl plan --target network.nowhere");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(unknown.has("there is no network.nowhere")) << unknown.out;
  EXPECT_TRUE(on("left", "ovl plan --target nework.x").has("did you mean \"network\"?"));
}

TEST_F(Changes, OneObjectIsRepairedOrMadeAnew) {
  begin();
  ASSERT_EQ(on("left",
               "bridge -n ovl-my-net fdb del 02:42:0a:00:09:03 dev vxlan0 self; "
               "ip -n ovl-my-net neigh del 10.0.9.3 dev vxlan0")
                .code,
            0);
  apply("left", "--target 'neighbour.ovl-my-net[vxlan0 10.0.9.3]'");
  const std::string rest = on("left", "ovl plan").out;
  EXPECT_NE(rest.find("Plan: drift on left: 1 to create."), std::string::npos) << rest;
  EXPECT_EQ(on("left", "ovl plan --refresh-only --detailed-exitcode").code, 2);
  const Ran drift = on("left", "ovl apply --refresh-only --auto-approve");
  EXPECT_EQ(drift.code, 0) << drift.out;
  EXPECT_TRUE(drift.has("Refresh only: 1 object differs and stays as it is.")) << drift.out;
  settle();
  const std::string before = on("left", "ip -n ovl-my-net -o link show vxlan0").out;
  const std::string anew =
      apply("left", "--replace 'link.ovl-my-net[vxlan0]' --target 'link.ovl-my-net[vxlan0]'");
  EXPECT_NE(anew.find("network.my-net: traffic with other hosts, at most"), std::string::npos) << anew;
  EXPECT_NE(on("left", "ip -n ovl-my-net -o link show vxlan0").out, before);
  EXPECT_EQ(on("left", "ovl plan --detailed-exitcode").code, 0);
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 10.0.9.2").code, 0);
}

TEST_F(Changes, ASavedPlanIsRefusedWithTheNameOfWhatMoved) {
  begin();
  const std::string plan = directory() + "/saved.plan";
  const auto refused = [&](const std::string& name) {
    const Ran ran = on("left", "ovl apply " + plan);
    EXPECT_EQ(ran.code, 10) << ran.out;
    EXPECT_TRUE(ran.has("the saved plan is stale: " + name + " has moved")) << ran.out;
  };
  blocks_.more = kDb;
  write(blocks_.text());
  ASSERT_EQ(on("left", "ovl plan --target endpoint.db --out " + plan).code, 0);
  ASSERT_EQ(
      on("left", "bridge -n ovl-my-net fdb replace 02:42:0a:00:09:03 dev vxlan0 dst 192.168.99.99 self").code,
      0);
  EXPECT_EQ(on("left", "ovl apply " + plan).code, 0) << "what was not selected may move";
  blocks_.more += "[endpoint.cache]\nnetwork = \"my-net\"\nhost = \"left\"\n";
  write(blocks_.text());
  ASSERT_EQ(on("left", "ovl plan --out " + plan).code, 0);
  ASSERT_EQ(on("left", "ip -n ovl-my-net neigh del 10.0.9.3 dev vxlan0").code, 0);
  refused("neighbour.ovl-my-net[\"vxlan0 10.0.9.3\"]");
  ASSERT_EQ(on("left", "ovl plan --out " + plan).code, 0);
  blocks_.web_keys = "aliases = [\"www\"]\n";
  write(blocks_.text());
  ASSERT_EQ(on("right", "ovl apply --auto-approve --target endpoint.web").code, 0);
  refused("record endpoints/my-net/web");
  settle();
  EXPECT_EQ(on("left", "ovl plan --detailed-exitcode").code, 0);
}

TEST_F(Changes, AMoveInTheStateIsTheManifestsToo) {
  begin();
  const std::string id = on("left", "ovl network ls --no-trunc | grep -o '[0-9a-f]\\{64\\}' | sort").out;
  const Ran moved = on("left", "ovl state mv network.my-net network.front --auto-approve");
  EXPECT_EQ(moved.code, 0) << moved.out;
  EXPECT_TRUE(moved.has("~ network.my-net -> network.front")) << moved.out;
  blocks_.network = "front";
  write(blocks_.text());
  settle();
  EXPECT_EQ(on("left", "ovl network ls --no-trunc | grep -o '[0-9a-f]\\{64\\}' | sort").out, id);
  EXPECT_EQ(on("left", "ovl state mv network.nowhere network.else --auto-approve").code, 1);
  EXPECT_EQ(on("left", "ovl state mv network.front endpoint.else --auto-approve").code, 1);
}

}  // namespace ovl
