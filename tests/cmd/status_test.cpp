// The head of ovl status, and status --watch: the program itself, on a store that changes.
#include <gtest/gtest.h>

#include <fstream>

#include "cmd/formats/status_counts.hpp"
#include "tests/support/program.hpp"

namespace ovl::test {

namespace {

HostRecord host(const std::string& name) {
  HostRecord record;
  record.name = HostName::parse(name).value();
  return record;
}

EndpointRecord endpoint(const std::string& network, const std::string& name) {
  EndpointRecord record;
  record.network = Label::parse(network).value();
  record.name = Label::parse(name).value();
  return record;
}

StoreView view_of_three_hosts() {
  StoreView view;
  view.head = Head{
      .lineage = {}, .serial = 3, .source = {}, .commit = std::string(40, 'c'), .digest = {}, .apply_id = {}};
  view.records.hosts = {host("n1"), host("n2"), host("n3")};
  view.records.endpoints = {endpoint("blue", "web"), endpoint("red", "web")};
  view.status["n1"] = HostStatus{.serial = 3, .when = 900, .result = "ok"};
  view.status["n2"] = HostStatus{.serial = 2, .when = 900, .result = "ok"};
  return view;
}

TEST(StatusHeader, SaysWhenAndByWhomAndCounts) {
  StoreView view = view_of_three_hosts();
  EXPECT_EQ(header_text("demo", view, 1000),
            "Cluster demo: generation 3, commit cccccccccccc\n"
            "3 hosts: 1 up to date, 1 never applied, 1 behind; 0 networks; 1 endpoint\n");
  view.generations[3] = GenerationRecord{.serial = 3, .who = "root@n1\x1b[31m", .when = 940};
  EXPECT_EQ(header_text("demo", view, 1000).substr(0, 103),
            "Cluster demo: generation 3, 1970-01-01 00:15:40 UTC (60s ago), by root@n1\\x1b[31m, commit "
            "cccccccccccc\n");
  EXPECT_EQ(
      counts_json(view).json(),
      R"({"endpoints":1,"hosts":{"behind":1,"current":1,"drifted":0,"failed":0,"frozen":0,"leftover":0,)"
      R"("lost":0,"never":1},"networks":0})");
}

// What it prints is read from a FIFO up to a word of each generation; a signal ends it.
constexpr const char* kWatch = R"(
apply() { "$OVL" apply --scope cluster --auto-approve >/dev/null || exit 90; }
heard() { while IFS= read -r line <&3; do case $line in *"$1"*) return 0 ;; esac; done; exit 91; }
apply
mkfifo said
"$OVL" status --watch $FORM >said 2>err & watching=$!
exec 3<said
heard "$FIRST"
printf '[network.red]\nsubnet = "10.0.8.0/24"\n' >>ovl.toml
apply
heard "$SECOND"
kill -TERM $watching
wait $watching
)";

Ran watch(const std::string& words) {
  const TemporaryDirectory here;
  std::ofstream(here.file("ovl.toml"))
      << "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite://" + here.path() +
             "/k.db\"\n[host.n1]\nadvertise = \"192.0.2.1\"\n[network.blue]\n";
  std::ofstream(here.file("watch.sh")) << kWatch;
  return run_shell("cd " + here.path() + " && OVL=" OVL_BINARY " " + words + " bash watch.sh; echo code $?");
}

TEST(StatusWatch, PrintsItAgainWithEachChangeUntilASignal) {
  EXPECT_EQ(watch("FORM= FIRST='generation 1, ' SECOND='generation 2, '").out, "code 130\n");
  EXPECT_EQ(watch("FORM=--json FIRST='\"networks\":1}' SECOND='\"networks\":2}'").out, "code 130\n");
}

}  // namespace

}  // namespace ovl::test
