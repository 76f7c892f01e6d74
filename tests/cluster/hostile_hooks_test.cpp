// Whoever pushes may have a say in what a hook finds around it. What it answers is what it would answer
// without, or a refusal in words; nothing of theirs runs, and no store but the one that the hook was
// installed with is touched.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <vector>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// A shell's lines before git's own receiver, or before the hook itself. @ is the test's folder.
struct Surroundings {
  const char* name;
  const char* lines;
};

constexpr Surroundings kRows[] = {
    {"git dir", "export GIT_DIR=@/other.git"},
    {"git dir, a link", "export GIT_DIR=@/link.git"},
    {"git dir, none", "export GIT_DIR=@/none"},
    {"work tree", "export GIT_WORK_TREE=@/trap"},
    {"common dir", "export GIT_COMMON_DIR=@/other.git"},
    {"index", "export GIT_INDEX_FILE=@/other.git/index"},
    {"objects", "export GIT_OBJECT_DIRECTORY=@/other.git/objects"},
    {"objects, a link", "export GIT_OBJECT_DIRECTORY=@/link.git/objects"},
    {"alternates", "export GIT_ALTERNATE_OBJECT_DIRECTORIES=@/other.git/objects:/"},
    {"quarantine, elsewhere", "export GIT_QUARANTINE_PATH=@/trap"},
    {"quarantine, another repository's", "export GIT_QUARANTINE_PATH=@/other.git/objects"},
    {"quarantine, a link out", "export GIT_QUARANTINE_PATH=@/hub.git/objects/tmp_objdir-link"},
    {"quarantine, the objects", "export GIT_QUARANTINE_PATH=@/hub.git/objects"},
    {"quarantine, dots", "export GIT_QUARANTINE_PATH=@/hub.git/objects/../../trap"},
    {"quarantine, none", "export GIT_QUARANTINE_PATH=@/none"},
    {"configuration, counted",
     "export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0=@/trap/run "
     "GIT_CONFIG_KEY_1=core.sshCommand GIT_CONFIG_VALUE_1=@/trap/run"},
    {"configuration, global", "export GIT_CONFIG_GLOBAL=@/trap/.gitconfig"},
    {"configuration, system", "export GIT_CONFIG_SYSTEM=@/trap/.gitconfig; unset GIT_CONFIG_NOSYSTEM"},
    {"configuration, parameters", "export GIT_CONFIG_PARAMETERS=\"'core.fsmonitor'='@/trap/run'\""},
    {"ceiling", "export GIT_CEILING_DIRECTORIES=@"},
    {"namespace", "export GIT_NAMESPACE=other"},
    {"ssh", "export GIT_SSH_COMMAND=@/trap/run GIT_SSH=@/trap/run GIT_ASKPASS=@/trap/run"},
    {"external programs", "export GIT_EXTERNAL_DIFF=@/trap/run GIT_PAGER=@/trap/run GIT_EDITOR=@/trap/run"},
    {"git's programs", "export GIT_EXEC_PATH=@/trap"},
    {"git's templates and traces", "export GIT_TEMPLATE_DIR=@/trap GIT_TRACE2_PARENT_SID=x"},
    {"replaced objects", "export GIT_REPLACE_REF_BASE=refs/heads/ GIT_NO_REPLACE_OBJECTS="},
    {"shallow", "export GIT_SHALLOW_FILE=@/trap/run GIT_GRAFT_FILE=@/trap/run"},
    {"path, empty", "export PATH="},
    {"path, nothing there", "export PATH=@/none"},
    {"path, theirs first", "export PATH=@/trap:$PATH"},
    {"path, theirs alone", "export PATH=@/trap"},
    {"preloaded, nothing", "export LD_PRELOAD=@/nothing.so"},
    {"preloaded", "export LD_PRELOAD=@/trace.so"},
    {"libraries, nothing", "export LD_LIBRARY_PATH=@/none"},
    {"libraries", "export LD_LIBRARY_PATH=@/libs"},
    {"auditing", "export LD_AUDIT=@/trace.so"},
    {"loader's log", "export LD_DEBUG=files LD_DEBUG_OUTPUT=@/loaded"},
    {"home", "export HOME=@/trap"},
    {"home, none", "unset HOME"},
    {"xdg",
     "export XDG_CONFIG_HOME=@/trap XDG_CONFIG_DIRS=@/trap XDG_DATA_HOME=@/trap XDG_CACHE_HOME=@/trap "
     "XDG_RUNTIME_DIR=@/trap XDG_STATE_HOME=@/trap"},
    {"proxies",
     "export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9"},
    {"temporary", "export TMPDIR=@/trap TMP=@/trap SQLITE_TMPDIR=@/trap"},
    {"openssl", "export OPENSSL_CONF=@/trap/run SSL_CERT_FILE=@/trap/run SSLKEYLOGFILE=@/trap/keys"},
    {"locale", "export LC_ALL=tr_TR.UTF-8 LANG=xx LOCPATH=@/trap GCONV_PATH=@/trap TZ=:@/trap/run"},
    {"sudo", "export SUDO_UID=4242 SUDO_USER=mallory"},
    {"terminal", "export TERM=xterm COLUMNS=3 CLICOLOR_FORCE=1 CI=true GITHUB_ACTIONS=true GITLAB_CI=true"},
    {"keystore", "export OVL_KEYSTORE=sqlite://@/other.db OVL_CLUSTER=stolen OVL_TOKEN=env:HOME"},
    {"repository", "export OVL_REPO=@/other.git OVL_REF=refs/heads/other OVL_PATH=other"},
    {"guards",
     "export OVL_ALLOW_ROLLBACK=1 OVL_MAX_DESTROY=100% OVL_AUTO_APPROVE=1 OVL_TRUST_PUSH_OPTIONS=1"},
    {"policy", "export OVL_POLICY=@/trap/run"},
    {"selection",
     "export OVL_TARGET=network.none OVL_EXCLUDE=network.one OVL_REPLACE=network.one OVL_DESTROY=1"},
    {"scope", "export OVL_SCOPE=host OVL_HOST=left OVL_REFRESH_ONLY=1"},
    {"places", "export OVL_STATE_DIR=@/trap/state OVL_RUN_DIR=@/trap/run.d OVL_LAB=@/trap"},
    {"times", "export OVL_TIMEOUT=0s OVL_LOCK_TIMEOUT=0s OVL_WAIT=0s OVL_INTERVAL=1s"},
    {"output",
     "export OVL_OUT=@/trap/plan OVL_JSON=1 OVL_JSON_INTO=@/trap/plan.json OVL_FORMAT=junit "
     "OVL_EVENTS=@/trap/events "
     "OVL_SHOW_ALL=1 OVL_VERBOSE=1 OVL_DETAILED_EXITCODE=1"},
    {"words",
     "export IFS=/oh BASH_ENV=@/trap/run ENV=@/trap/run PS4='$(@/trap/run)' SHELLOPTS=xtrace CDPATH=@"},
    {"another folder", "cd /"},
    {"their folder", "cd @/trap"},
    {"mask", "umask 000"},
    {"strict mask", "umask 777"},
    {"few files", "ulimit -n 24"},
    {"descriptors", "exec 3</etc/passwd 4</etc/passwd 9</etc/passwd"},
};

// What is around a hook that this test runs by itself, as no git would.
constexpr Surroundings kDirectRows[] = {
    {"hooks elsewhere",
     "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=@/trap"},
    {"input closed", "exec 0<&-"},
    {"input empty", "exec 0</dev/null"},
    {"input of others", "exec 0</etc/passwd"},
    {"output closed", "exec 1>&-"},
    {"output full", "exec 1>/dev/full"},
    {"all closed", "exec 0<&- 1>&- 2>&-"},
};

// Of the rows with a library that leaves a trace.
constexpr const char* kShellsLoaded = "sh\nsh\n";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) out.push_back(line);
  return out;
}

// Without what the loader says of /bin/sh.
std::string ours(const std::string& text) {
  std::string out;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with("ERROR: ld.so:")) out += line + "\n";
  }
  return out;
}

// What the remote said, without what the loader and git say of their own.
std::string remote_lines(const std::string& text) {
  std::string out;
  for (const std::string& line : lines_of(text)) {
    const bool other = line.starts_with("remote: ERROR: ld.so:") || line.starts_with("remote: error: ");
    if (line.starts_with("remote: ") && !other) out += line + "\n";
  }
  return out;
}

class HostileHooks : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    ASSERT_EQ(install("pre-receive post-receive").code, 0);
    write("[network.one]\n");
    commit_ = commit("one");
    ASSERT_EQ(push("hub main:refs/heads/draft").code, 0) << "the objects, and nobody's branch";
    set_traps();
  }

  void set_traps() const {
    ASSERT_EQ(shell("cd " + file("") +
                    " && git init -q --bare -b main other.git && ln -s other.git link.git"
                    " && mkdir trap libs && ln -s ../../trap hub.git/objects/tmp_objdir-link")
                  .code,
              0);
    const std::string trap = "#!/bin/sh\necho \"$0\" >> " + file("trace") + "\n";
    for (const char* name :
         {"run", "ovl", "sh", "cat", "printf", "env", "git", "ssh", "ssh-keygen", "gpgv"}) {
      test::write_file(file("trap/" + std::string(name)), trap);
      ASSERT_EQ(::chmod(file("trap/" + std::string(name)).c_str(), 0755), 0);
    }
    test::write_file(file("trap/.gitconfig"),
                     "[core]\n\tfsmonitor = " + file("trap/run") + "\n\tsshCommand = " + file("trap/run") +
                         "\n[uploadpack]\n\tpackObjectsHook = " + file("trap/run") + "\n");
    test::write_file(file("trap/ovl.toml"), "[cluster]\nname = \"stolen\"\n");
    build_library();
  }

  // Leaves the name of each program that loads it.
  void build_library() const {
    test::write_file(file("trace.c"),
                     "#include <stdio.h>\n"
                     "#include <errno.h>\n"
                     "unsigned la_version(unsigned v) { return v; }\n"
                     "__attribute__((constructor)) static void leave(void) {\n"
                     "  FILE* out = fopen(\"" +
                         file("loaded.log") +
                         "\", \"a\");\n"
                         "  if (out == NULL) return;\n"
                         "  fprintf(out, \"%s\\n\", program_invocation_short_name);\n"
                         "  fclose(out);\n}\n");
    const Ran built = shell("cd " + file("") +
                            " && cc -D_GNU_SOURCE -shared -fPIC -o trace.so trace.c"
                            " && cp trace.so libs/libfmt.so.9 && cp trace.so libs/libsqlite3.so.0");
    ASSERT_EQ(built.code, 0) << built.out;
  }

  [[nodiscard]] std::string here(std::string text) const {
    const std::string folder = fs::path(file("x")).parent_path().string();
    for (std::size_t at = 0; (at = text.find('@', at)) != std::string::npos; at += folder.size()) {
      text.replace(at, 1, folder);
    }
    return text;
  }

  // A script that makes these surroundings and then becomes `program`.
  [[nodiscard]] std::string script(const char* lines, const std::string& program) const {
    const std::string path = file("surroundings");
    test::write_file(path, "#!/bin/sh\n" + here(lines) + "\nexec " + program + " \"$@\"\n");
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }

  // The hook itself, told what git would tell it.
  [[nodiscard]] Ran run_hook(const char* lines, const std::string& hook = "pre-receive") const {
    const std::string path = script(lines, file("hub.git/hooks/" + hook));
    return shell("cd " + file("hub.git") + " && echo " + std::string(40, '0') + " " + commit_ +
                 " refs/heads/main | env -i PATH=/usr/bin:/bin HOME=" + file("none") + " " + path);
  }

  // A whole push, whose plan is shown and which is not taken.
  [[nodiscard]] Ran push_in(const char* lines) const {
    return push("-o ovl.dry-run --receive-pack=" + script(lines, "/usr/bin/git-receive-pack") + " hub main");
  }

  // Nothing of theirs ran, nothing was taken, nothing was written where it should not.
  void nothing_happened() const {
    EXPECT_EQ(test::read_file(file("trace")), "");
    nothing_was_done();
  }

  void nothing_was_done() const {
    EXPECT_FALSE(test::exists(file("other.db")));
    EXPECT_FALSE(test::exists(file("trap/state")));
    EXPECT_FALSE(test::exists(file("trap/plan")));
    EXPECT_FALSE(test::exists(file("trap/plan.json")));
    EXPECT_FALSE(test::exists(file("trap/events")));
    EXPECT_FALSE(test::exists(file("hub.git/refs/heads/main")));
    EXPECT_EQ(
        shell("ls -A " + file("other.git/objects/pack") + " " + file("trap") + " | grep -v -e : -e '^$'").out,
        trapped_);
    EXPECT_EQ(test::read_file(file("loaded.log")).find("ovl\n"), std::string::npos);
    EXPECT_EQ(shell("grep -l /ovl-git.so " + file("loaded") + ".* 2>/dev/null").out, "");
    shell("rm -f " + file("trace") + " " + file("loaded*"));
  }

  static void same_or_refused(const Ran& ran, const Ran& plain) {
    if (ran.code == plain.code && ours(ran.out) == plain.out) return;
    EXPECT_NE(ran.code, 0) << ran.out;
    EXPECT_GT(ran.out.size(), 8U) << "a refusal has words";
    EXPECT_FALSE(ran.has("Plan:")) << "neither the plan nor a refusal:\n" << ran.out;
  }

  void remember_traps() {
    trapped_ =
        shell("ls -A " + file("other.git/objects/pack") + " " + file("trap") + " | grep -v -e : -e '^$'").out;
  }

  std::string commit_;
  std::string trapped_;
};

}  // namespace

TEST_F(HostileHooks, AHookPlansTheSameOrRefuses) {
  remember_traps();
  const Ran plain = run_hook(":");
  ASSERT_EQ(plain.code, 0) << plain.out;
  ASSERT_TRUE(plain.has("+ network.one")) << plain.out;
  int same = 0;
  std::string shells;
  for (const Surroundings& row : kRows) {
    SCOPED_TRACE(row.name);
    const Ran ran = run_hook(row.lines);
    same_or_refused(ran, plain);
    shells += test::read_file(file("loaded.log"));
    nothing_happened();
    same += ran.code == 0 ? 1 : 0;
  }
  EXPECT_GE(std::size(kRows), 40U);
  EXPECT_GE(same, 40) << "a hook that refuses everything is of no use";
  EXPECT_EQ(shells, kShellsLoaded) << "the script's own shell, which nobody can help, and nothing after it";
}

TEST_F(HostileHooks, AHookWithoutItsInputOrOutputRefuses) {
  remember_traps();
  for (const Surroundings& row : kDirectRows) {
    SCOPED_TRACE(row.name);
    const Ran ran = run_hook(row.lines);
    const bool held = std::string(row.name) == "hooks elsewhere";
    EXPECT_EQ(ran.code == 0, held) << ran.out;
    EXPECT_TRUE(ran.out.size() > 8 || std::string(row.name) == "all closed");
    nothing_happened();
  }
}

TEST_F(HostileHooks, APushIsPlannedTheSameOrRefused) {
  remember_traps();
  const Ran plain = push_in(":");
  const std::string plan = remote_lines(plain.out);
  ASSERT_NE(plan.find("+ network.one"), std::string::npos) << plain.out;
  ASSERT_NE(plan.find("a dry run: the push is not taken"), std::string::npos) << plain.out;
  int same = 0;
  int by_git = 0;
  for (const Surroundings& row : kRows) {
    SCOPED_TRACE(row.name);
    const Ran ran = push_in(row.lines);
    EXPECT_NE(ran.code, 0) << ran.out;
    const bool planned = remote_lines(ran.out) == plan;
    EXPECT_TRUE(planned || !ran.has("Plan:")) << ran.out;
    EXPECT_GT(ran.out.size(), 8U);
    const std::string trace = test::read_file(file("trace"));
    for (const std::string& line : lines_of(trace))
      EXPECT_EQ(line, file("trap/git")) << "run by a hook of ours";
    by_git += trace.empty() ? 0 : 1;
    nothing_was_done();
    same += planned ? 1 : 0;
  }
  EXPECT_GE(same, 45);
  EXPECT_EQ(by_git, 1) << "GIT_EXEC_PATH: git's own programs, before and after the hook";
}

// All that a push can say to an apply, at once.
TEST_F(HostileHooks, AnApplyGoesWhereItWasTold) {
  std::string lines;
  for (const Surroundings& row : kRows) {
    const std::string text = row.lines;
    const bool of_ovl = text.find("OVL_") != std::string::npos || text.find("HOME") != std::string::npos;
    if (of_ovl && text.find("unset") == std::string::npos) lines += text + "\n";
  }
  ASSERT_GE(std::count(lines.begin(), lines.end(), '\n'), 10);
  const Ran pushed = push(
      "--receive-pack=" + script((lines + "umask 000").c_str(), "/usr/bin/git-receive-pack") + " hub main");
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("Apply complete: 3 records.")) << pushed.out;
  EXPECT_NE(networks().find("one"), std::string::npos);
  EXPECT_EQ(test::read_file(file("trace")), "");
  for (const char* name :
       {"other.db", "trap/state", "trap/run.d", "trap/plan", "trap/plan.json", "trap/events"}) {
    EXPECT_FALSE(test::exists(file(name))) << name;
  }
  for (const char* name : {"hub.git/ovl/apply.log", "hub.git/ovl/apply.lock"}) {
    EXPECT_EQ(test::mode_of(file(name)), 0600U) << name;
  }
  EXPECT_EQ(test::mode_of(file("hub.git/ovl")), 0700U);
  EXPECT_EQ(test::mode_of(file("keystore.db")) & 0077U, 0U) << "whatever the mask";
}

}  // namespace ovl
