// Repositories in the forms that git itself makes of them: what git reads is read, by libgit2 or by the git
// program, and no form makes a program run that the repository names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "drivers/git/git_program_repository.hpp"
#include "drivers/git/libgit2/libgit2_repository.hpp"
#include "model/base/catalogue.hpp"
#include "reconcile/store/revision.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

constexpr const char* kText = "[cluster]\nname = \"formed\"\n";

class GitForms : public ::testing::Test {
 protected:
  void SetUp() override {
    sh("git init -q -b main origin && cd origin && git config uploadpack.allowFilter true && "
       "git config uploadpack.allowAnySHA1InWant true && mkdir net app && echo x > app/x && "
       "echo first > net/ovl.toml && git add . && git commit -qm one");
    std::ofstream(path("origin/net/ovl.toml")) << kText;
    sh("cd origin && git commit -qam two && git tag v1");
  }

  // A line of the shell among the repositories; nobody's configuration has a say.
  void sh(const std::string& line) const {
    const std::string command = "cd '" + directory_.path() +
                                "' && exec >/dev/null 2>&1; export HOME=$PWD/none GIT_AUTHOR_NAME=a "
                                "GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d "
                                "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow "
                                "GIT_CONFIG_VALUE_0=always U=file://$PWD/origin; " +
                                line;
    ASSERT_EQ(std::system(command.c_str()), 0) << line;  // NOLINT(concurrency-mt-unsafe): one thread
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.file(name); }

  [[nodiscard]] std::unique_ptr<GitRepository> open(const std::string& name) const {
    auto opened = open_repository(path(name), OVL_DRIVER_DIR);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  // What a person does with a clone: looks, edits, stages.
  void is_read(const std::string& name) const {
    SCOPED_TRACE(name);
    const auto repository = open(name);
    ASSERT_NE(repository, nullptr);
    const std::string net = path(name + "/net");
    const auto found = repository->checkout(net);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found.value().path, "net");
    EXPECT_TRUE(found.value().tracked);
    EXPECT_FALSE(found.value().dirty);
    EXPECT_EQ(repository->top(), path(name));
    const auto head = read_revision(*repository, "HEAD", "", "net");
    ASSERT_TRUE(head.ok()) << head.error().message;
    EXPECT_EQ(head.value().files.front().text, kText);
    EXPECT_EQ(head.value().commit.id, found.value().commit);
    std::ofstream(net + "/more.toml") << "untracked";
    EXPECT_TRUE(repository->checkout(net).value().dirty);
    std::filesystem::remove(net + "/more.toml");
    std::ofstream(net + "/ovl.toml") << "edited";
    EXPECT_TRUE(repository->checkout(net).value().dirty);
    sh("cd " + name + " && git add net/ovl.toml");
    const auto staged = read_staged(*open(name), "", "net");
    ASSERT_TRUE(staged.ok()) << staged.error().message;
    EXPECT_EQ(staged.value().front().text, "edited");
    EXPECT_TRUE(open(name)->checkout(net).value().dirty);
  }

  TemporaryDirectory directory_;
};

// All that a repository says of itself, for comparison.
std::string said_by(GitRepository& repository) {
  std::string out = repository.directory() + "\n" + repository.own_directory() + "\n" + repository.top() +
                    "\n" + repository.branch() + "\n" + repository.target_of("refs/heads/alias") + "\n";
  const auto add = [&](const std::string& what, const auto& answer, const auto& shown) {
    out += what + ": " +
           (answer.ok() ? shown(answer.value()) : fmt::format("error {}", name_of(answer.error().code))) +
           "\n";
  };
  const auto as_it_is = [](const std::string& text) { return text; };
  for (const std::string revision :
       {"main", "HEAD", "@~1", "tags/v1", "v1", "main~1", "main~9", "HEAD:net", "side", "hub/next", "alias",
        "-x", "refs/tags/v1", "main^{tree}", "0000000000000000000000000000000000000000"}) {
    add(revision, repository.commit(revision), [](const Commit& commit) {
      return commit.id + commit.root + commit.tree + commit.author + commit.subject +
             std::to_string(commit.when);
    });
  }
  const std::string main = repository.commit("main").value().id;
  const std::string side = repository.commit("side").value().id;
  const std::string begin = repository.commit("main~1").value().id;
  add("short", repository.commit(main.substr(0, 9)), [](const Commit& commit) { return commit.id; });
  for (const std::string& one : {main, side, begin, std::string(40, 'f'), std::string("no")}) {
    for (const std::string& other : {main, side, begin, std::string(40, 'f')}) {
      add("follows", repository.follows(one, other),
          [](bool follows) { return std::string(follows ? "yes" : "no"); });
    }
  }
  add("behind", repository.only_behind(main, side, 10), [](const std::vector<std::string>& ids) {
    std::string all;
    for (const std::string& id : ids) all += id + " ";
    return all;
  });
  for (const std::string place : {"", "net", "net/ovl.toml", "none"}) {
    add("id of " + place, repository.id_at("main", place), as_it_is);
    for (const bool deep : {false, true}) {
      const TreeRead what{
          .path = place, .recursive = deep, .files = 9, .file_bytes = 99, .total_bytes = 999, .depth = 2};
      add("read " + place, repository.read("main", what), [](const Sources& files) {
        std::string all;
        for (const SourceFile& file : files) all += file.name + "=" + file.text + " ";
        return all;
      });
    }
  }
  add("blame", repository.blame(main, "net/ovl.toml"), [](const std::vector<LineOrigin>& lines) {
    std::string all;
    for (const LineOrigin& line : lines) {
      all += line.commit + line.author + std::to_string(line.when) + ":" + std::to_string(line.line) + " ";
    }
    return all;
  });
  add("signature", repository.signature("signed"),
      [](const CommitSignature& signature) { return signature.signature + "|" + signature.payload; });
  return out;
}

}  // namespace

TEST_F(GitForms, OfEveryKindAreRead) {
  sh("git clone -q --filter=blob:none --sparse $U partial && git -C partial sparse-checkout set net");
  sh("git clone -q $U sparse && git -C sparse sparse-checkout set --cone --sparse-index net");
  sh("git clone -q $U split && git -C split update-index --split-index");
  sh("git clone -q $U main && git -C main worktree add -q ../linked -b linked");
  sh("git clone -q --bare $U hub.git && git -C hub.git worktree add -q ../narrow main && "
     "git -C narrow sparse-checkout set net");
  sh("git init -q -b main --object-format=sha256 sha256 && cp -r origin/net sha256/ && cd sha256 && "
     "git add . && git commit -qm one");
  for (const char* name : {"partial", "sparse", "split", "linked", "narrow", "sha256"}) is_read(name);
  const auto hub = open("hub.git");
  ASSERT_NE(hub, nullptr);
  EXPECT_EQ(hub->top(), path("hub.git")) << "it is bare, as its config.worktree says";
  EXPECT_TRUE(read_revision(*hub, "main", "net").ok());
}

TEST_F(GitForms, AShallowOneDoesNotKnowItsBeginning) {
  sh("git init -q -b main --object-format=sha256 long && cp -r origin/net long/ && cd long && "
     "git add . && git commit -qm one && git commit -q --allow-empty -m two");
  sh("git clone -q --depth 1 $U shallow && git clone -q --depth 1 file://$PWD/long shallow256");
  EXPECT_EQ(open("shallow")->checkout(path("shallow/net")).value().root, "");
  EXPECT_EQ(open("shallow256")->checkout(path("shallow256/net")).value().root, "");
  EXPECT_NE(open("long")->checkout(path("long/net")).value().root, "");
}

TEST_F(GitForms, WhatAPartialOneHasNotIsNamedWithItsRemedy) {
  sh("git clone -q --filter=blob:none $U partial");
  const auto missing = read_revision(*open("partial"), "main~1", "net");
  ASSERT_FALSE(missing.ok());
  const std::string& hint = missing.error().hint;
  const auto command = hint.find("git -C " + path("partial"));
  ASSERT_NE(command, std::string::npos) << missing.error().message << "\n" << hint;
  sh(hint.substr(command));
  EXPECT_TRUE(read_revision(*open("partial"), "main~1", "net").ok());
}

// Of a treeless one not even the folder is here.
TEST_F(GitForms, WhatATreelessOneHasNotIsNamedWithItsRemedy) {
  sh("git clone -q --no-checkout --filter=tree:0 $U partial");
  const auto missing = read_revision(*open("partial"), "main", "net");
  ASSERT_FALSE(missing.ok());
  const std::string& hint = missing.error().hint;
  const auto command = hint.find("git -C " + path("partial"));
  ASSERT_NE(command, std::string::npos) << missing.error().message << "\n" << hint;
  sh(hint.substr(command));
  EXPECT_TRUE(read_revision(*open("partial"), "main", "net").ok());
}

// git was told to look away, and its commit still says something else than the file.
TEST_F(GitForms, AFileThatGitLooksAwayFromIsNotThatOfItsCommit) {
  for (const std::string away : {"--skip-worktree", "--assume-unchanged"}) {
    SCOPED_TRACE(away);
    sh("rm -rf clone && git clone -q $U clone && git -C clone update-index " + away + " net/ovl.toml");
    EXPECT_FALSE(open("clone")->checkout(path("clone/net")).value().dirty);
    std::ofstream(path("clone/net/ovl.toml")) << "edited";
    EXPECT_TRUE(open("clone")->checkout(path("clone/net")).value().dirty);
    EXPECT_FALSE(open("clone")->checkout(path("clone/app")).value().dirty);
  }
  sh("git -C clone config core.autocrlf true && printf '[cluster]\r\nname = \"formed\"\r\n' > "
     "clone/net/ovl.toml");
  EXPECT_FALSE(open("clone")->checkout(path("clone/net")).value().dirty)
      << "the ends of lines are the checkout's";
}

// Nobody may take it for a folder of plain files: the records would get another source.
TEST_F(GitForms, OneWhoseHeadCannotBeReadIsNoPlainFolder) {
  sh("git clone -q $U plain && cp -r plain gone && git clone -q --shared plain borrows && cp -r plain "
     "garbage && "
     "git init -q --object-format=sha256 long && cp -r origin/net long/ && git -C long add . && "
     "git -C long commit -qm one");
  sh("git -C plain repack -q -a -d && rm -rf gone/.git/objects/* && mkdir gone/.git/objects/pack && "
     "mv plain elsewhere && echo garbage > garbage/.git/HEAD && rm -rf long/.git/objects/* && "
     "mkdir long/.git/objects/pack");
  for (const char* name : {"gone", "borrows", "garbage", "long"}) {
    SCOPED_TRACE(name);
    auto repository = open_repository(path(name), OVL_DRIVER_DIR);
    if (!repository.ok()) continue;  // refused as a whole
    const auto found = repository.value()->checkout(path(std::string(name) + "/net"));
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, Errc::io);
    EXPECT_NE(found.error().hint.find("fsck"), std::string::npos) << found.error().hint;
  }
  sh("git init -q unborn && mkdir unborn/net && git init -q --object-format=sha256 unborn256 && mkdir "
     "unborn256/net");
  for (const char* name : {"unborn", "unborn256"}) {
    EXPECT_EQ(open(name)->checkout(path(std::string(name) + "/net")).error().code, Errc::not_found) << name;
  }
}

TEST_F(GitForms, WhatGitCannotReadIsToldInItsWords) {
  sh("git -C origin config core.repositoryFormatVersion 1 && git -C origin config extensions.later true");
  const auto refused = open_repository(path("origin"), OVL_DRIVER_DIR);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("unknown repository extension found"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("found: later"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().hint.find("newer git"), std::string::npos) << refused.error().hint;
  sh("git init -q -b main damaged && cp -r origin/net damaged/ && cd damaged && git add . && git commit -qm "
     "one && "
     "echo garbage > .git/index");
  const auto index = open("damaged")->checkout(path("damaged/net"));
  ASSERT_FALSE(index.ok());
  EXPECT_EQ(index.error().message.find("no longer exists"), std::string::npos) << index.error().message;
  EXPECT_NE(index.error().message.find("index file"), std::string::npos) << index.error().message;
}

TEST_F(GitForms, TheProgramSaysWhatLibgit2Says) {
  sh("cd origin && git checkout -q -b side HEAD~1 && git commit -q --allow-empty -m 'side of it' && "
     "git checkout -q main && git symbolic-ref refs/heads/alias refs/heads/main && git tag main && "
     "git update-ref refs/remotes/hub/next side && mkdir -p net/a/b/c && echo d > net/a/b/c/d.toml && "
     "echo b > net/a/b.toml && echo s > net/.hidden.toml && git add . && git commit -qm 'three\n\nand why' "
     "&& "
     "printf 'tree %s\\nauthor a <a@b> 1 +0000\\ncommitter c <c@d> 2 +0000\\ngpgsig -----BEGIN\\n x\\n "
     "-----END\\n\\nm\\n' "
     "$(git rev-parse main^{tree}) > ../signed && "
     "git update-ref refs/heads/signed $(git hash-object -w -t commit ../signed)");
  const auto library = open_libgit2(path("origin"));
  const auto program = open_git_program(path("origin"));
  ASSERT_TRUE(library.ok() && program.ok());
  EXPECT_EQ(said_by(*program.value()), said_by(*library.value()));
}

// A repository that root comes across may be anybody's who may call sudo, and its configuration theirs.
TEST_F(GitForms, RunNothingThatTheyName) {
  std::ofstream(path("run")) << "#!/bin/sh\ntouch " << path("witness") << "\nexit 1\n";
  sh("chmod 755 run && mkdir hooks && for h in post-index-change reference-transaction pre-auto-gc "
     "fsmonitor-watchman; do cp run hooks/$h; done");
  sh("git init -q -b main --object-format=sha256 sha256 && cp -r origin/net sha256/ && cd sha256 && "
     "git add . && git commit -qm one");
  sh("git clone -q --filter=blob:none $U partial && git -C partial sparse-checkout set --sparse-index net && "
     "git clone -q $U split && git -C split update-index --split-index");
  for (const std::string name : {"sha256", "split", "partial"}) {
    sh("cd " + name +
       " && echo '*.toml filter=f diff=f' > .gitattributes && touch -d @1 net/ovl.toml && "
       "for k in core.fsmonitor core.sshCommand core.pager core.editor core.askPass gpg.program "
       "gpg.ssh.program filter.f.clean filter.f.smudge filter.f.process diff.f.textconv diff.f.command "
       "diff.external core.alternateRefsCommand uploadpack.packObjectsHook credential.helper "
       "core.gitProxy remote.origin.uploadpack trace2.eventTarget; do "
       "git config $k " +
       path("run") + "; done; git config core.hooksPath " + path("hooks") +
       " && git config filter.f.required true && git config log.showSignature true && "
       "git config protocol.ext.allow always && git config protocol.allow always && "
       "git config remote.origin.url 'ext::" +
       path("run") + "' && rm -f ../witness");
    const auto repository = open(name);
    ASSERT_NE(repository, nullptr);
    EXPECT_TRUE(repository->checkout(path(name + "/net")).ok());
    static_cast<void>(read_staged(*repository, "", "net").ok());
    static_cast<void>(read_revision(*repository, "HEAD~1", "net").ok());
    const auto program = open_git_program(path(name));
    ASSERT_TRUE(program.ok()) << program.error().message;
    EXPECT_TRUE(program.value()->checkout(path(name + "/net")).ok());
    static_cast<void>(
        program.value()
            ->read_index("", {.path = "net", .files = 9, .file_bytes = 99, .total_bytes = 99, .depth = 2})
            .ok());
    static_cast<void>(read_revision(*program.value(), "HEAD~1", "net").ok());
    static_cast<void>(program.value()->blame("HEAD", "net/ovl.toml").ok());
    static_cast<void>(program.value()->blame("HEAD~1", "net/ovl.toml").ok());
    static_cast<void>(program.value()->signature("HEAD").ok());
    EXPECT_FALSE(std::filesystem::exists(path("witness"))) << name;
  }
  sh("cd partial && git -c protocol.ext.allow=always cat-file -p HEAD~1:net/ovl.toml; test -e ../witness");
}

// Objects of a push are read from where git keeps them, by libgit2 and by the program alike.
TEST_F(GitForms, TakeTheirOwnQuarantineAlone) {
  for (const std::string format : {"sha1", "sha256"}) {
    SCOPED_TRACE(format);
    sh("git init -q --bare --object-format=" + format + " " + format + " && cd " + format +
       "/objects && mkdir tmp_objdir-incoming-x ../tmp_objdir-out && ln -s ../tmp_objdir-out "
       "tmp_objdir-link");
    const auto repository = open(format);
    ASSERT_NE(repository, nullptr);
    const auto take = [&](const std::string& name) {
      return repository->add_quarantine(path(format + name));
    };
    for (const char* other :
         {"/objects", "/tmp_objdir-out", "/objects/tmp_objdir-link", "/objects/none", "/objects/info"}) {
      const Status refused = take(other);
      ASSERT_FALSE(refused.ok()) << other;
      EXPECT_EQ(refused.error().code, Errc::guard) << other;
    }
    EXPECT_TRUE(take("/objects/tmp_objdir-incoming-x").ok());
  }
}

}  // namespace ovl::test
