// docs/containers.md: each block of the page is run as it stands there, and each word of Docker's is what the
// page says. Runtimes that are not here are skipped.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <vector>

#include "reconcile/manifest/parse.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

std::string text_of(const std::string& file) {
  return test::read_file(std::string(OVL_SOURCE_DIR) + "/" + file);
}

// From its heading to the next one.
std::string section(const std::string& heading) {
  const std::string page = "\n" + text_of("docs/containers.md");
  const auto begin = page.find("\n## " + heading + "\n");
  EXPECT_NE(begin, std::string::npos) << heading;
  return begin == std::string::npos ? "" : page.substr(begin, page.find("\n## ", begin + 1) - begin);
}

// The text between ``` and ```, in order.
std::vector<std::string> blocks_of(const std::string& text) {
  static const std::regex block("```[a-z]+\n([^`]*)```");
  std::vector<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), block), end; at != end; ++at)
    out.push_back((*at)[1]);
  return out;
}

// Between ` and `, of one line.
std::vector<std::string> words_of(const std::string& text) {
  static const std::regex word("`([^`]*)`");
  std::vector<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) out.push_back((*at)[1]);
  return out;
}

// The words of ovl's in the rows of the table that a test holds.
std::vector<std::string> words_held_by(const std::string& test) {
  std::vector<std::string> out;
  std::istringstream lines(section("Coming from Docker's overlay with a key-value store"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.find(test) == std::string::npos) continue;
    const auto first = line.find(" | ") + 3;
    for (std::string& word : words_of(line.substr(first, line.find(" | ", first) - first))) {
      out.push_back(std::move(word));
    }
  }
  EXPECT_FALSE(out.empty()) << test;
  return out;
}

std::string help_of(const std::string& command) {
  return shell(std::string(OVL_BINARY) + command.substr(3) + " --help").out;
}

// Whether the help of what stands before it lists its last word.
bool is_verb(const std::string& command) {
  const auto last = command.rfind(' ');
  return help_of(command.substr(0, last)).find("\n  " + command.substr(last + 1) + " ") != std::string::npos;
}

bool is_key(const std::string& block, const std::string& key) {
  const Parsed parsed =
      parse({{.name = "ovl.toml", .text = fmt::format("[{}.one]\n{} = true\n", block, key)}});
  return std::ranges::none_of(parsed.diagnostics,
                              [](const Diagnostic& one) { return one.id.text() == "unknown-key"; });
}

// A lab's host sees the /sys of its network namespace alone, and runtimes want control groups. In /srv/client
// is a machine with nothing but busybox, which podman has as an image.
constexpr const char* kPrepare = R"sh(set -e
mount -t tmpfs none /sys/fs/cgroup
if grep -qE '^[a-z_]+[[:space:]]+[1-9]' /proc/cgroups; then
  for c in $(awk '!/^#/ && $2 > 0 { print $1 }' /proc/cgroups) name=systemd; do
    mkdir /sys/fs/cgroup/${c#name=}
    mount -t cgroup -o $(echo $c | sed 's|^name=|none,&|') none /sys/fs/cgroup/${c#name=}
  done
else
  mount -t cgroup2 none /sys/fs/cgroup
fi
mkdir -p /var/lib/lxc
mount -t tmpfs none /srv
cd /srv; mkdir -p bundle client; cd client
mkdir bin dev etc proc sys tmp usr var run root
touch etc/hosts etc/resolv.conf etc/os-release
cp /bin/busybox bin; for p in sh sleep wget; do ln -s busybox bin/$p; done
printf '[containers]\ndefault_ulimits = ["nofile=1024:1024","nproc=1024:1024"]\n[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >/srv/containers.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "/srv/graph"\nrunroot = "/run/containers/storage"\n' >/srv/storage.conf
)sh";

constexpr const char* kPodman =
    "export CONTAINERS_CONF=/srv/containers.conf CONTAINERS_STORAGE_CONF=/srv/storage.conf\n";
constexpr const char* kImport =
    "tar -C /srv/client -c . | podman import -q - localhost/busybox >/dev/null || exit 1\n";

class Containers : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(text_of("examples/multi-host/ovl.toml"));
    apply("mhs-demo0");
    const Ran serves = in("mhs-demo0", "web",
                          "mkdir -p /run/www && echo the page >/run/www/index.html && busybox httpd -p 80 -h "
                          "/run/www");
    ASSERT_EQ(serves.code, 0) << serves.out;
    const Ran ready = on("mhs-demo1", kPrepare);
    ASSERT_EQ(ready.code, 0) << ready.out;
  }

  static bool is_here(const std::string& program) { return shell("command -v " + program).code == 0; }

  // The last block of a section, on the host, with what the section has in files before it.
  [[nodiscard]] Ran run(const std::string& heading, const std::string& file = "",
                        const std::string& before = "", const std::string& instead_of = "",
                        const std::string& other = "") const {
    const std::vector<std::string> blocks = blocks_of(section(heading));
    EXPECT_EQ(blocks.size(), file.empty() ? 1U : 2U) << heading;
    if (!file.empty()) put(file, blocks.front());
    std::string block = blocks.back();
    if (!instead_of.empty()) {
      const auto at = block.find(instead_of);
      EXPECT_NE(at, std::string::npos) << instead_of;
      block.replace(at, instead_of.size(), other);
    }
    return on("mhs-demo1", before + block);
  }

  // What a systemd is booted with, below /srv.
  void prepare_boot() const {
    ASSERT_EQ(on("mhs-demo1",
                 "mkdir -p /srv/units /srv/bin /srv/ovl /srv/out /srv/root && mount --bind / /srv/root && "
                 "cp \"$(command -v ovl)\" /srv/bin")
                  .code,
              0);
  }

  // A systemd of its own starts page.service of /srv/units, and ends with it.
  [[nodiscard]] Ran boot_page() const {
    return on("mhs-demo1", R"(SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes timeout 100 systemd-nspawn --quiet \
    --register=no --keep-unit --directory=/srv/root --volatile=yes --capability=all --machine=mhs-demo1 --bind=/srv \
    --bind=/var/lib/ovl --bind-ro=/srv/units:/etc/systemd/system --bind-ro=/srv/bin:/usr/local/bin \
    --bind-ro=/srv/ovl:/etc/ovl --resolv-conf=off --console=pipe --boot systemd.unit=page.service)");
  }

  // A file of the host's.
  void put(const std::string& path, const std::string& text) const {
    std::ofstream(directory() + "/file") << text;
    EXPECT_EQ(on("mhs-demo1", "cp " + directory() + "/file " + path).code, 0);
  }
};

}  // namespace

TEST_F(Containers, Podman) {
  if (!is_here("podman")) GTEST_SKIP() << "there is no podman here";
  apply("mhs-demo1");
  const std::string before = std::string(kPodman) + kImport;
  EXPECT_EQ(run("Podman", "", before).out, "the page\n");
  const Ran nameless = run("Podman", "", kPodman, "-v /etc/netns/client/hosts:/etc/hosts:ro ", "");
  EXPECT_TRUE(nameless.has("bad address")) << nameless.out;
}

TEST_F(Containers, Nspawn) {
  if (!is_here("systemd-nspawn")) GTEST_SKIP() << "there is no systemd-nspawn here";
  apply("mhs-demo1");
  Ran ran = run("systemd-nspawn");
  std::erase(ran.out, '\r');  // by way of a terminal of its own
  EXPECT_EQ(ran.out, "the page\n");
}

TEST_F(Containers, Lxc) {
  if (!is_here("lxc-execute")) GTEST_SKIP() << "there is no lxc-execute here";
  apply("mhs-demo1");
  EXPECT_EQ(run("LXC", "/srv/client.conf").out, "the page\n");
}

TEST_F(Containers, Runc) {
  if (!is_here("runc")) GTEST_SKIP() << "there is no runc here";
  apply("mhs-demo1");
  EXPECT_EQ(run("runc and crun", "/srv/bundle/config.json").out, "the page\n");
}

TEST_F(Containers, Crun) {
  if (!is_here("crun")) GTEST_SKIP() << "there is no crun here";
  apply("mhs-demo1");
  EXPECT_EQ(run("runc and crun", "/srv/bundle/config.json", "", "runc", "crun").out, "the page\n");
}

TEST_F(Containers, Bwrap) {
  if (!is_here("bwrap")) GTEST_SKIP() << "there is no bwrap here";
  apply("mhs-demo1");
  EXPECT_EQ(run("bubblewrap").out, "the page\n");
}

// The package's own unit, in the bounds that it names: what it makes is seen by who is outside of them.
TEST_F(Containers, ThePackagesAgentMakesWhatOtherUnitsUse) {
  if (!is_here("systemd-nspawn")) GTEST_SKIP() << "there is no systemd-nspawn here";
  prepare_boot();
  ASSERT_EQ(on("mhs-demo1", "mkdir -p /srv/units/ovl-agent.service.d").code, 0);
  put("/srv/units/ovl-agent.service", text_of("packaging/ovl-agent.service"));
  put("/srv/ovl/agent.env",
      "OVL_KEYSTORE=sqlite:///var/lib/ovl/keystore.db\nOVL_CLUSTER=demo\nOVL_HOST=mhs-demo1\n");
  put("/srv/units/ovl-agent.service.d/test.conf",
      "[Unit]\nFailureAction=exit\n[Service]\nRestart=no\nStandardError=file:/srv/out/agent\n");
  put("/srv/units/page.service",
      "[Unit]\nRequires=ovl-agent.service\nAfter=ovl-agent.service\nFailureAction=exit\nSuccessAction=exit\n"
      "[Service]\nType=oneshot\nNetworkNamespacePath=/run/netns/client\n"
      "BindReadOnlyPaths=/etc/netns/client/hosts:/etc/hosts\nStandardOutput=file:/srv/out/page\n"
      "ExecStart=/usr/bin/busybox wget -qO- http://web\n");
  const Ran ran = boot_page();
  EXPECT_EQ(on("mhs-demo1", "cat /srv/out/page").out, "the page\n")
      << ran.out << on("mhs-demo1", "cat /srv/out/*").out;
}

// A systemd of its own starts the second unit.
TEST_F(Containers, UnitsOfSystemd) {
  if (!is_here("systemd-nspawn")) GTEST_SKIP() << "there is no systemd-nspawn here";
  const std::vector<std::string> units = blocks_of(section("Units of systemd"));
  ASSERT_EQ(units.size(), 2U);
  prepare_boot();
  ASSERT_EQ(on("mhs-demo1",
               "mkdir -p /srv/units/page.service.d /srv/units/ovl-apply.service.d && cp ovl.toml /srv/ovl")
                .code,
            0);
  put("/srv/units/ovl-apply.service", units.front());
  put("/srv/units/page.service", units.back());
  const std::string ends = "[Unit]\nFailureAction=exit\n";
  put("/srv/units/ovl-apply.service.d/test.conf",
      ends + "[Service]\nStandardOutput=file:/srv/out/apply\nStandardError=file:/srv/out/errors\n");
  put("/srv/units/page.service.d/test.conf",
      ends + "SuccessAction=exit\n[Service]\nStandardOutput=file:/srv/out/page\n");
  const Ran ran = boot_page();
  EXPECT_EQ(on("mhs-demo1", "cat /srv/out/page").out, "the page\n")
      << ran.out << on("mhs-demo1", "cat /srv/out/*").out;
}

TEST_F(Containers, OneThatRunsAlready) {
  if (!is_here("podman")) GTEST_SKIP() << "there is no podman here";
  const std::vector<std::string> blocks = blocks_of(section("A container that runs already"));
  ASSERT_EQ(blocks.size(), 5U);
  apply("mhs-demo1");
  const Ran made = on("mhs-demo1", std::string(kPodman) + kImport + blocks[0]);
  ASSERT_EQ(made.code, 0) << made.out;
  write(text_of("examples/multi-host/ovl.toml") + blocks[1]);
  const Ran applied = on("mhs-demo1", blocks[2]);
  EXPECT_EQ(applied.code, 0) << applied.out;
  apply("mhs-demo0");
  for (const std::string& block : {blocks[3], blocks[4]}) {
    const Ran ran = on("mhs-demo1", kPodman + block);
    EXPECT_TRUE(ran.out.ends_with("the page\n")) << ran.out;
  }
  EXPECT_EQ(on("mhs-demo1", std::string(kPodman) + "podman rm -f -t 0 app").code, 0);
}

// A block that is added to the page is run by a test.
TEST(ContainersPage, HasNoBlockButThoseThatAreRun) {
  std::size_t run = 0;
  for (const char* heading : {"Podman", "systemd-nspawn", "LXC", "runc and crun", "bubblewrap",
                              "Units of systemd", "A container that runs already"}) {
    run += blocks_of(section(heading)).size();
  }
  EXPECT_EQ(blocks_of(text_of("docs/containers.md")).size(), run);
}

TEST(ComingFromDocker, ItsWordsAreKeys) {
  const std::string manifest = R"([cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.a]
advertise = "192.0.2.1"
[network.back]
[network.net]
subnet = "10.0.9.0/24"
ip_range = "10.0.9.128/25"
gateway = "10.0.9.1"
reserved = ["10.0.9.200"]
mtu = 1400
vni = 5000
internal = true
labels = { team = "web" }
[endpoint.NAME]
host = "a"
network = "net"
address = "10.0.9.130"
mac = "02:00:00:00:00:01"
aliases = ["www"]
[endpoint.two]
host = "a"
networks = { net = {}, back = {} }
)";
  const Parsed parsed = parse({{.name = "ovl.toml", .text = manifest}});
  for (const Diagnostic& problem : parsed.diagnostics) ADD_FAILURE() << problem.message;
  for (const std::string& word : words_held_by("ComingFromDocker.ItsWordsAreKeys")) {
    const bool is_block = word.starts_with('[');
    EXPECT_NE(manifest.find(is_block ? "\n" + word + "\n" : "\n" + word + " = "), std::string::npos) << word;
  }
}

TEST(ComingFromDocker, ItsWordsAreOptions) {
  for (const std::string& command : words_held_by("ComingFromDocker.ItsWordsAreOptions")) {
    const std::string verb = command.substr(0, command.find(" --"));
    EXPECT_TRUE(is_verb(verb)) << command;
    const std::string help = help_of(verb);
    std::istringstream words(command);
    for (std::string word; words >> word;) {
      if (word.starts_with("--")) {
        EXPECT_NE(help.find("  " + word + " "), std::string::npos) << command;
      }
    }
  }
}

TEST(ComingFromDocker, WhatIsNotThereYetIsNoWord) {
  std::istringstream lines(section("Coming from Docker's overlay with a key-value store"));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("- `")) continue;
    ++count;
    const std::string word = words_of(line).front();
    const std::string block = line.find("` of an endpoint") != std::string::npos ? "endpoint" : "network";
    EXPECT_FALSE(word.starts_with("ovl ") ? is_verb(word) : is_key(block, word)) << line;
  }
  EXPECT_GT(count, 0U);
  EXPECT_TRUE(is_key("endpoint", "aliases"));
}

}  // namespace ovl
