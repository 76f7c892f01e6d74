// What tenants do in their own namespaces, on the real kernel: each stops only itself.
#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kHead = R"(
[cluster]
name = "tenants"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[host.right]
advertise = "192.168.99.105"
[network.blue]
subnets = ["10.0.9.0/24", "fd00:9::/64"]
[endpoint.good]
network = "blue"
host = "left"
[endpoint.db]
network = "blue"
host = "right"
)";

struct Tenant {
  const char* name;
  const char* does;  // before ovl comes
  const char* undoes;
  const char* told;  // why it is left as it is
};

// In all of them the tenant has a device own0.
constexpr Tenant kTenants[] = {
    {"eth", "ip -n eth link add eth0 type bridge", "ip -n eth link del eth0",
     "link eth:eth0: a device of this name exists and is not ovl's"},
    {"route", "ip -n route route add default via 192.0.2.2", "ip -n route route del default",
     "route route:default: a route of this destination and metric exists"},
    {"hole", "ip -n hole route add blackhole default", "ip -n hole route del blackhole default",
     "route hole:default: a route of this destination and metric exists"},
    {"links", "mkdir -p /etc/netns/links; ln -s /etc/shadow /etc/netns/links/hosts",
     "rm /etc/netns/links/hosts", "/etc/netns/links/hosts"},
    {"alt", "ip -n alt link property add dev own0 altname eth0",
     "ip -n alt link property del dev own0 altname eth0",
     "link alt:eth0: a device of this name exists and is not ovl's"},
};

class Tenants : public LabRig {
 protected:
  void up_with_tenants() {
    std::string manifest = kHead;
    std::string before;
    for (const Tenant& tenant : kTenants) {
      const std::string name = tenant.name;
      manifest += "[endpoint." + name + "]\nnetwork = \"blue\"\nhost = \"left\"\n";
      before += "ip netns add " + name + "; ip -n " + name + " link add own0 type bridge; ip -n " + name +
                " addr add 192.0.2.1/24 dev own0; ip -n " + name + " link set own0 up; " + tenant.does +
                " || exit 1; ";
    }
    up(manifest);
    const Ran made = on("left", before);
    ASSERT_EQ(made.code, 0) << made.out;
  }
};

TEST_F(Tenants, EachStopsOnlyItself) {
  up_with_tenants();
  const Ran done = on("left", "ovl apply --auto-approve");
  EXPECT_EQ(done.code, 1) << done.out;
  EXPECT_TRUE(done.has("Apply complete on left: ")) << done.out;
  EXPECT_TRUE(
      done.has("ovl: applied, but endpoint alt, endpoint eth, endpoint hole, endpoint links, endpoint route "
               "are left as they "
               "are: "))
      << done.out;
  const Ran planned = on("left", "ovl plan; ovl status");
  for (const Tenant& tenant : kTenants) {
    const bool is_told = done.has(tenant.told) || planned.has(tenant.told);
    EXPECT_TRUE(is_told) << tenant.name << "\n" << planned.out;
    EXPECT_EQ(on("left", std::string("ip -n ") + tenant.name + " -o link | grep -c ovl:").out, "0\n")
        << tenant.name;
  }
  EXPECT_TRUE(planned.has("frozen: endpoint alt, endpoint eth, ")) << planned.out;
  apply("right");
  const Ran others = on("right", "ovl status");
  EXPECT_TRUE(others.has("left, reported ") && others.has("link.eth[\"eth0\"]") &&
              others.has("route.hole[\"default\"]"))
      << others.out;
  EXPECT_EQ(in("right", "db", "ping -c 1 -W 2 good").code, 0);
  for (const Tenant& tenant : kTenants) {
    const Ran undone = on("left", tenant.undoes);
    ASSERT_EQ(undone.code, 0) << tenant.name << "\n" << undone.out;
  }
  apply("left");
  EXPECT_TRUE(in_sync("left"));
  apply("right");
  for (const Tenant& tenant : kTenants) {
    EXPECT_EQ(in("right", "db", std::string("ping -c 1 -W 2 ") + tenant.name).code, 0) << tenant.name;
  }
}

// IPv6 that is off for new devices, as container runtimes leave it, is on for the one that has addresses of
// it.
TEST_F(Tenants, IPv6ThatIsOffIsNoHindrance) {
  up(kHead);
  ASSERT_EQ(on("left",
               "ip netns add good; ip netns exec good sh -c 'for d in all default; do echo 1 > "
               "/proc/sys/net/ipv6/conf/$d/disable_ipv6; done'")
                .code,
            0);
  apply("left");
  EXPECT_TRUE(in_sync("left"));
  apply("right");
  EXPECT_EQ(in("right", "db", "ping -6 -c 1 -W 2 good").code, 0);
}

}  // namespace

}  // namespace ovl
