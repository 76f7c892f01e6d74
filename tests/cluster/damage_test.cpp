// What goes wrong around ovl: files that are gone, garbage, newer, locked or full; no root; names and
// numbers that others have. Each is named in words and leaves nothing half-written: the next good apply
// converges.
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <optional>
#include <span>

#include "sqlite/sqlite.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/everybodys_program.hpp"

namespace ovl {

namespace {

constexpr const char* kHead =
    "[cluster]\nname = \"damaged\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n"
    "[host.left]\nadvertise = \"192.168.99.104\"\n[host.right]\nadvertise = \"192.168.99.105\"\n"
    "[network.blue]\nsubnet = \"10.0.9.0/24\"\n"
    "[endpoint.web]\nnetwork = \"blue\"\nhost = \"left\"\n";
constexpr const char* kMore = "[endpoint.more]\nnetwork = \"blue\"\nhost = \"left\"\n";

// How the files say what they are: PRAGMA application_id and user_version.
struct Format {
  std::int32_t application;
  std::size_t version;
};

constexpr Format kState{0x6f766c73, 1};     // "ovls"
constexpr Format kKeystore{0x6f766c6b, 2};  // "ovlk"

Result<sqlite::Database> open_as(const std::string& path, const Format& format) {
  static constexpr std::array<std::string_view, 2> kNothing{"", ""};
  return sqlite::Database::open({.path = path,
                                 .access = sqlite::Access::read_write,
                                 .application_id = format.application,
                                 .migrations = std::span(kNothing).first(format.version)});
}

// What another process that writes holds: an open transaction.
class Locked {
 public:
  Locked(const std::string& path, const Format& format) {
    auto opened = open_as(path, format);
    if (opened.ok()) database_.emplace(std::move(opened).value());
    if (!database_) ADD_FAILURE() << opened.error().message;
    if (!database_) return;
    auto begun = sqlite::Transaction::begin(*database_, sqlite::Transaction::Kind::write);
    if (begun.ok()) transaction_.emplace(std::move(begun).value());
    EXPECT_TRUE(transaction_.has_value());
  }

 private:
  std::optional<sqlite::Database> database_;
  std::optional<sqlite::Transaction> transaction_;
};

// Store and state are in the test's own directory, which the lab's hosts see.
class Damage : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped()) return;
    for (const char* place : {"k", "state"}) ASSERT_EQ(::mkdir(file(place).c_str(), 0700), 0);
  }

  // The lab's hosts hold the mount until they are gone.
  void TearDown() override {
    if (!disk_.empty()) ::umount2(disk_.c_str(), MNT_DETACH);
    LabRig::TearDown();
  }

  // Before the lab is up, so that its hosts have it too.
  void small_disk(const std::string& place) {
    ASSERT_EQ(::mount("none", file(place).c_str(), "tmpfs", 0, "size=700k,mode=700"), 0);
    disk_ = file(place);
  }

  void fill(const std::string& place) const {
    shell("dd if=/dev/zero of=" + file(place) + "/filler bs=4k 2>/dev/null");
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory() + "/" + name; }

  [[nodiscard]] std::string state_file() const { return file("state/clusters/damaged/state.db"); }

  [[nodiscard]] Ran ovl(const std::string& arguments) const {
    return on("left", "ovl " + arguments + " --state-dir " + file("state") + " --keystore sqlite://" +
                          file("k/k.db") + " --timeout 500ms");
  }

  void applied() {
    up(kHead);
    good_apply();
  }

  void good_apply() const {
    const Ran ran = ovl("apply --auto-approve");
    ASSERT_EQ(ran.code, 0) << ran.out;
    const Ran again = ovl("plan --detailed-exitcode");
    EXPECT_EQ(again.code, 0) << again.out;
  }

  // A command fails so, in these words.
  void fails(const std::string& arguments, int code, const std::string& words) const {
    const Ran ran = ovl(arguments);
    EXPECT_EQ(ran.code, code) << arguments << "\n" << ran.out;
    EXPECT_TRUE(ran.has(words)) << arguments << "\nwanted: " << words << "\n" << ran.out;
  }

  [[nodiscard]] std::string tables() const {
    return on("left",
              "for n in $(ip netns list | cut -d' ' -f1 | sort); do echo $n; ip -n $n -o addr | grep -v "
              "fe80:; "
              "bridge -n $n fdb | grep -v 33:33:; done; nft -s list ruleset; ip -o link | wc -l")
        .out;
  }

  static void spoil(const std::string& path) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << "garbage" << std::string(5000, '?');
    shell("rm -f " + path + "-wal " + path + "-shm");
  }

 private:
  std::string disk_;
};

}  // namespace

// Neither refused by what it was told nor by nobody who says yes.
TEST_F(Damage, ARefusedCommandMakesNoState) {
  up(kHead);
  fails("apply --auto-approve --host middle", 1, "\"middle\" is not one of the declared hosts");
  fails("apply", 1, "there is no terminal to ask on");
  fails("destroy --auto-approve --scope host", 0, "No changes.");
  fails("state rm 'endpoint.web[blue]' --auto-approve", 1, "");
  fails("state import 'endpoint.web[blue]' --auto-approve", 12, "the keystore holds no cluster damaged");
  fails("plan", 0, "to create");
  EXPECT_EQ(shell("ls -A " + file("state")).out, "");
  good_apply();
}

// What else lies below /var/lib/ovl takes no cluster's name.
TEST_F(Damage, AClusterMayBeCalledWhatOtherThingsAre) {
  up(kHead);
  for (const std::string name : {"suspended", "sync"}) {
    std::string manifest = kHead;
    manifest.replace(manifest.find("damaged"), 7, name);
    write(manifest);
    good_apply();
    EXPECT_TRUE(on("left", "ovl suspend --state-dir " + file("state")).has("Suspended"));
    EXPECT_TRUE(ovl("status").has("suspended by")) << name;
    fails("plan", 0, "No changes.");
    EXPECT_TRUE(on("left", "ovl resume --state-dir " + file("state")).has("Resumed"));
    fails("status", 0, "left");
    EXPECT_FALSE(ovl("status").has("suspended by")) << name;
    fails("destroy --auto-approve", 0, "Destroy complete");
  }
}

TEST_F(Damage, KeystoreFileGone) {
  applied();
  const std::string id = ovl("network ls --no-trunc").out;
  const std::string before = tables();
  ASSERT_EQ(shell("rm " + file("k") + "/*").code, 0);
  const char* lost = "cluster damaged: the keystore has lost it";
  fails("network ls", 12, lost);
  fails("status", 12, lost);
  fails("plan", 0, lost);
  good_apply();
  EXPECT_EQ(ovl("network ls --no-trunc").out, id);
  EXPECT_EQ(tables(), before);
}

// At boot its file system may not be mounted yet: nobody who applies by himself makes another file there.
TEST_F(Damage, KeystoreFileNotThereYet) {
  applied();
  const std::string before = tables();
  ASSERT_EQ(shell("mkdir " + file("real") + " && mv " + file("k") + "/* " + file("real")).code, 0);
  for (const std::string verb :
       {"plan --scope host", "apply --auto-approve --scope host", "sync --scope host --cluster damaged"}) {
    fails(verb, 0, "this host keeps to generation 1, which it realised last, and removes nothing");
    fails(verb, 0, "is not the file that had it: that was lost, or its file system is not mounted yet");
  }
  fails("sync", 16, "is not the file that had it");
  EXPECT_EQ(shell("ls " + file("k")).out, "");
  EXPECT_EQ(tables(), before);
  ASSERT_EQ(shell("mv " + file("real") + "/* " + file("k")).code, 0);
  fails("apply --auto-approve --scope host", 0, "No changes.");
  good_apply();
}

// What a server needs may come later than the host, too.
TEST_F(Damage, TheKeystoresSecretNotThereYet) {
  applied();
  const std::string before = on("left", "ip netns list").out;
  const Ran ran =
      on("left", "ovl apply --auto-approve --scope host --cluster damaged --state-dir " + file("state") +
                     " --keystore consul://127.0.0.1:1 --token file:" + file("none/token"));
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("this host keeps to generation 1")) << ran.out;
  EXPECT_TRUE(ran.has(file("none/token"))) << ran.out;
  EXPECT_EQ(on("left", "ip netns list").out, before);
}

TEST_F(Damage, KeystoreFileGarbage) {
  applied();
  const std::string before = tables();
  spoil(file("k/k.db"));
  fails("apply --auto-approve", 1, file("k/k.db") + ": it is not a SQLite database [corrupt]\nhint: ");
  fails("plan", 1, file("k/k.db") + ": it is not a SQLite database [corrupt]\nhint: ");
  EXPECT_EQ(tables(), before);
  ASSERT_EQ(shell("rm " + file("k") + "/*").code, 0);
  good_apply();
}

TEST_F(Damage, KeystoreFileLocked) {
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  {
    const Locked locked(file("k/k.db"), kKeystore);
    fails("apply --auto-approve", 16,
          file("k/k.db") +
              ": another process holds it (waited 500 ms) [unreachable]\n"
              "hint: wait for the other process to finish, then try again\n");
  }
  EXPECT_EQ(tables(), before);
  good_apply();
}

TEST_F(Damage, KeystoreFileReadOnly) {
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  const Ran ran = on("left",
                     "unshare -m --propagation slave sh -c 'mount --bind k k && mount -o "
                     "remount,bind,ro k && ovl apply --auto-approve --state-dir " +
                         file("state") + " --keystore sqlite://" + file("k/k.db") + "'");
  EXPECT_EQ(ran.code, 17) << ran.out;
  EXPECT_TRUE(
      ran.has(file("k/k.db") + ": it may not be written [privilege]\nhint: run as the user that owns it\n"))
      << ran.out;
  EXPECT_EQ(tables(), before);
  good_apply();
}

TEST_F(Damage, ALimitOnTheSizeOfFilesIsAnError) {
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  const Ran ran = on("left", "sh -c 'ulimit -f 8; exec ovl apply --auto-approve --state-dir " +
                                 file("state") + " --keystore sqlite://" + file("k/k.db") + "'");
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_TRUE(ran.has("ovl: ")) << ran.out;
  EXPECT_EQ(tables(), before);
  good_apply();
}

TEST_F(Damage, StateFileGarbage) {
  applied();
  good_apply();
  write(std::string(kHead) + kMore);
  good_apply();
  const std::string before = tables();
  spoil(state_file());
  for (const char* verb : {"plan", "apply --auto-approve", "state list --cluster damaged"}) {
    const Ran ran = on("left", std::string("ovl ") + verb + " --state-dir " + file("state"));
    EXPECT_EQ(ran.code, 1) << ran.out;
    EXPECT_TRUE(ran.has("ovl: " + state_file() +
                        ": it is not a SQLite database [corrupt]\nhint: put its last copy back: cp " +
                        state_file() + ".backup " + state_file() + " && rm -f "))
        << ran.out;
  }
  EXPECT_EQ(tables(), before);
  ASSERT_EQ(shell("cp " + state_file() + ".backup " + state_file()).code, 0);
  good_apply();
  spoil(state_file());
  ASSERT_EQ(shell("rm " + state_file()).code, 0);
  good_apply();
  EXPECT_EQ(tables(), before) << "the marks in the kernel told what is ours";
}

TEST_F(Damage, StateFileOfANewerVersion) {
  applied();
  const std::string before = tables();
  {
    auto database = open_as(state_file(), kState);
    ASSERT_TRUE(database.ok()) << database.error().message;
    ASSERT_TRUE(database.value().execute("PRAGMA user_version = 1000").ok());
  }
  for (const char* verb : {"plan", "apply --auto-approve"}) {
    fails(
        verb, 1,
        state_file() +
            " was written by a newer ovl (format 2.0, this one reads 1.1) [unsupported]\nhint: use the newer "
            "ovl\n");
  }
  EXPECT_EQ(tables(), before);
}

TEST_F(Damage, StateFileLocked) {
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  {
    const Locked locked(state_file(), kState);
    EXPECT_EQ(ovl("plan").code, 0) << "reading waits for nobody";
    fails("apply --auto-approve", 11,
          state_file() +
              ": another process holds it (waited 5000 ms) [locked]\n"
              "hint: wait for the other process to finish, then try again\n");
  }
  EXPECT_EQ(tables(), before);
  good_apply();
}

TEST_F(Damage, AnotherClusterUnderTheSameName) {
  applied();
  const std::string before = tables();
  const Ran made =
      on("right", "ovl apply --auto-approve --scope cluster --keystore sqlite://" + file("k/other.db"));
  ASSERT_EQ(made.code, 0) << made.out;
  const std::string other = " --state-dir " + file("state") + " --keystore sqlite://" + file("k/other.db");
  for (const std::string verb :
       {"plan", "apply --auto-approve", "destroy --auto-approve", "apply --auto-approve --scope host"}) {
    const Ran ran = on("left", "ovl " + verb + other);
    EXPECT_EQ(ran.code, 12) << verb << ran.out;
    EXPECT_TRUE(ran.has("ovl: the keystore's cluster damaged is another one: lineage ")) << ran.out;
    EXPECT_TRUE(
        ran.has("hint: is it another keystore by mistake? To follow the new one: --allow-rollback; "
                "nothing was done\n"))
        << ran.out;
  }
  EXPECT_EQ(tables(), before);
  const Ran taken = on("left", "ovl apply --auto-approve --allow-rollback" + other);
  EXPECT_EQ(taken.code, 0) << taken.out;
  const Ran again = on("left", "ovl plan --detailed-exitcode" + other);
  EXPECT_EQ(again.code, 0) << again.out;
  EXPECT_EQ(ovl("plan").code, 12) << "it follows the other one now";
}

TEST_F(Damage, WithoutRootTheClusterIsPlanned) {
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  ASSERT_EQ(shell("chmod 755 " + directory() + " && chown -R 65534:65534 " + file("k")).code, 0);
  const test::EverybodysProgram program;
  const std::string nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups " + program.path();
  const std::string end = " --state-dir " + file("state") + " --keystore sqlite://" + file("k/k.db");
  const Ran planned = on("left", nobody + " plan" + end);
  EXPECT_EQ(planned.code, 0) << planned.out;
  EXPECT_TRUE(planned.has("+ endpoint.more[\"blue\"]")) << planned.out;
  EXPECT_TRUE(planned.has("this host: not known: needs root (")) << planned.out;
  const Ran json = on("left", nobody + " plan --json" + end);
  EXPECT_TRUE(json.has("\"message\": \"not known: needs root (")) << json.out;
  EXPECT_EQ(on("left", nobody + " plan --out " + file("none.plan") + end).code, 17);
  const Ran refused = on("left", nobody + " apply --auto-approve" + end);
  EXPECT_EQ(refused.code, 17) << refused.out;
  EXPECT_TRUE(refused.has(": Permission denied [privilege]\nhint: run as root")) << refused.out;
  EXPECT_EQ(tables(), before);
  good_apply();
  const Ran unknown = on("left", nobody + " plan --detailed-exitcode" + end);
  EXPECT_EQ(unknown.code, 17) << "no change is not what it knows";
  EXPECT_TRUE(unknown.has("No changes of the records. This host was not looked at.")) << unknown.out;
}

TEST_F(Damage, AHostThatNobodyDeclared) {
  applied();
  fails("apply --auto-approve --host middle", 1,
        "ovl: \"middle\" is not one of the declared hosts [usage]\n"
        "hint: say which one this machine is: --host NAME (declared: left, right)\n");
}

TEST_F(Damage, AForeignDeviceWithOurVni) {
  up(kHead);
  ASSERT_EQ(ovl("apply --auto-approve --scope cluster").code, 0);
  ASSERT_EQ(on("left", "ip link add thief type vxlan id 1048576 dstport 4789 local 192.168.99.104").code, 0);
  fails("apply --auto-approve", 1,
        "link ovl-blue:vxlan0: device thief in the host's own namespace has VNI 1048576 on UDP port 4789 "
        "[conflict]\nhint: remove that device, or give the network another `vni`\n");
  const Ran again = ovl("apply --auto-approve");
  EXPECT_EQ(again.code, 1);
  EXPECT_FALSE(again.has("No changes.")) << again.out;
  ASSERT_EQ(on("left", "ip link del thief").code, 0);
  good_apply();
}

TEST_F(Damage, DiskFullUnderTheState) {
  small_disk("state");
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  fill("state");
  fails("apply --auto-approve", 1,
        "the disk is full [io]\nhint: make room there and try again; nothing was done\n");
  EXPECT_EQ(tables(), before);
  ASSERT_EQ(shell("rm " + file("state/filler")).code, 0);
  good_apply();
}

TEST_F(Damage, DiskFullUnderTheStore) {
  small_disk("k");
  applied();
  write(std::string(kHead) + kMore);
  const std::string before = tables();
  fill("k");
  fails("apply --auto-approve", 16, file("k/k.db") + ": the disk is full [unreachable]\n");
  EXPECT_EQ(tables(), before);
  ASSERT_EQ(shell("rm " + file("k/filler")).code, 0);
  good_apply();
}

TEST_F(Damage, DiskFullUnderAnExport) {
  ASSERT_EQ(::mkdir(file("out").c_str(), 0700), 0);
  small_disk("out");
  applied();
  const std::string to = "keystore export --out " + file("out/export");
  ASSERT_EQ(ovl(to).code, 0);
  const std::string before = shell("cat " + file("out/export")).out;
  EXPECT_NE(before, "");
  fill("out");
  fails(to, 1,
        file("out/export") +
            " can't be written: No space left on device [io]\n"
            "hint: make room there and try again; what was there is as it was\n");
  EXPECT_EQ(shell("cat " + file("out/export")).out, before);
  EXPECT_EQ(shell("ls " + file("out")).out, "export\nfiller\n");
}

TEST_F(Damage, AHostsFileThatIsAPipeHoldsNobody) {
  applied();
  ASSERT_EQ(on("left", "rm /etc/netns/web/hosts; mkfifo /etc/netns/web/hosts").code, 0);
  const Ran ran = ovl("plan");
  EXPECT_TRUE(ran.has("hosts_file.web[\"hosts\"]: /etc/netns/web/hosts is not a regular file")) << ran.out;
  EXPECT_TRUE(
      ran.has("make it a plain file of at most 64 MiB, in a plain folder, that root may write; or "
              "remove what is there"))
      << ran.out;
  ASSERT_EQ(on("left", "rm /etc/netns/web/hosts").code, 0);
  good_apply();
}

// One host's full disk: what it could not write it says, and what others wrote into the file is there.
TEST_F(Damage, DiskFullUnderTheHostsFiles) {
  ASSERT_EQ(::mkdir(file("netns").c_str(), 0755), 0);
  small_disk("netns");
  applied();
  const std::string bound =
      "unshare -m --propagation slave sh -c 'mount --bind " + file("netns") + " /etc/netns && ";
  const std::string end = " --state-dir " + file("state") + " --keystore sqlite://" + file("k/k.db") + "'";
  ASSERT_EQ(on("left", bound + "ovl apply --auto-approve" + end).code, 0);
  ASSERT_EQ(shell("echo 192.0.2.1 mine >> " + file("netns/web/hosts")).code, 0);
  std::string more = kHead;
  for (int i = 0; i < 100; ++i)
    more += fmt::format("[endpoint.more{}]\nnetwork = \"blue\"\nhost = \"right\"\n", i);
  write(more);
  fill("netns");
  const std::string before = shell("cat " + file("netns/web/hosts")).out;
  const Ran ran = on("left", bound + "ovl apply --auto-approve" + end);
  EXPECT_NE(ran.code, 0);
  EXPECT_TRUE(ran.has("ENOSPC (No space left on device)")) << ran.out;
  EXPECT_EQ(shell("cat " + file("netns/web/hosts")).out, before);
  ASSERT_EQ(shell("rm " + file("netns/filler")).code, 0);
  EXPECT_EQ(on("left", bound + "ovl apply --auto-approve" + end).code, 0);
  EXPECT_EQ(on("left", bound + "ovl plan --detailed-exitcode" + end).code, 0);
  EXPECT_EQ(shell("grep -c more " + file("netns/web/hosts") + "; tail -1 " + file("netns/web/hosts")).out,
            "100\n192.0.2.1 mine\n");
}

// What is too small for IPv6's settings on one host shrinks its own networks, and is over when it is.
TEST_F(Damage, AnUnderlayThatFallsBelowIpv6sFloor) {
  const std::string manifest =
      std::string(kHead) +
      "[network.calm]\nsubnet = \"10.0.8.0/24\"\n[network.six]\nsubnet = \"fd00:9::/64\"\n"
      "[endpoint.alone]\nnetwork = \"calm\"\nhost = \"left\"\n"
      "[endpoint.near]\nnetwork = \"six\"\nhost = \"left\"\n"
      "[endpoint.far]\nhost = \"right\"\nnetworks = { blue = {}, six = {} }\n";
  up(manifest);
  apply("left");
  apply("right");
  const std::string device = "$(ip -br addr | awk '/192.168.99.105/ { sub(/@.*/, \"\", $1); print $1 }')";
  const std::string mtus = "for n in blue calm six; do ip netns exec ovl-$n cat /sys/class/net/br0/mtu; done";
  EXPECT_EQ(on("left", mtus).out, "1450\n1450\n1450\n");
  ASSERT_EQ(on("right", "ip link set " + device + " mtu 1300").code, 0);
  apply("right");
  const Ran planned = on("left", "ovl plan");
  EXPECT_TRUE(planned.has("host right has an underlay of 1300 bytes: the network's MTU falls to 1250 on all"))
      << planned.out;
  EXPECT_TRUE(planned.has("host right has an underlay of 1300 bytes, which carries packets of 1250"))
      << planned.out;
  apply("left");
  for (const char* host : {"left", "right"}) EXPECT_TRUE(in_sync(host));
  EXPECT_EQ(on("left", mtus).out, "1250\n1450\n1280\n");
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 far.blue").code, 0);
  EXPECT_EQ(in("left", "near", "ping -c 1 -W 2 far.six").code, 0);
  ASSERT_EQ(on("right", "ip link set " + device + " mtu 1500").code, 0);
  apply("right");
  apply("left");
  for (const char* host : {"left", "right"}) EXPECT_TRUE(in_sync(host));
  EXPECT_EQ(on("left", mtus).out, "1450\n1450\n1450\n");
  EXPECT_FALSE(on("left", "ovl plan").has("underlay of"));
}

}  // namespace ovl
