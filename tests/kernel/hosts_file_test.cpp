// Files of namespaces: the block between our markers is ours, every other byte is somebody else's.
#include "drivers/kernel/kinds/hosts_file.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "drivers/kernel/kinds/rewrite.hpp"
#include "model/base/handle.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

// The same line, again and again.
HostLines times(std::size_t count, std::string_view line) {
  HostLines::Part part;
  for (std::size_t i = 0; i < count; ++i) part.add(line);
  return HostLines(std::move(part));
}

class HostsFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "ovl-hosts-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
    // In memory, as each writing waits for the disk.
    ASSERT_EQ(mount("none", root.c_str(), "tmpfs", 0, "size=300m"), 0);
    files = std::make_unique<HostsFiles>(HostsFileOptions{.etc_directory = root + "/netns"});
  }

  void TearDown() override {
    umount2(root.c_str(), MNT_DETACH);
    rmdir(root.c_str());
  }

  [[nodiscard]] std::string path(const std::string& file = "hosts") const {
    return root + "/netns/web/" + file;
  }

  [[nodiscard]] std::vector<HostsFile> observe() const { return files->observe(netns("web"), {}).value(); }

  // A file that somebody else made.
  void put(const std::string& text) const {
    shell("mkdir -p " + root + "/netns/web");
    write_text(path(), text);
  }

  [[nodiscard]] static ino_t inode(const std::string& path) {
    struct stat info {};

    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_ino;
  }

  std::string root;
  std::unique_ptr<HostsFiles> files;
  const HostsFile wish_{.netns = netns("web"),
                        .file = "hosts",
                        .lines = {"10.0.9.2 web", "10.0.9.3 db mydb"},
                        .owner = "ovl:demo/endpoint/web"};
};

TEST_F(HostsFileTest, AHostsFileBeginsWithLocalhostAndNothingOfTheMachines) {
  ASSERT_TRUE(files->create(wish_).ok());
  const std::string text = read_text(path());
  EXPECT_TRUE(
      text.starts_with("127.0.0.1 localhost\n::1 localhost\n# BEGIN ovl ovl:demo/endpoint/web (file "
                       "made by ovl, "))
      << text;
  EXPECT_TRUE(text.ends_with(")\n10.0.9.2 web\n10.0.9.3 db mydb\n# END ovl ovl:demo/endpoint/web\n")) << text;
  EXPECT_EQ(observe(), std::vector{wish_});

  struct stat info {};

  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644U);
}

TEST_F(HostsFileTest, AResolvConfHasTheBlockAlone) {
  HostsFile wish = wish_;
  wish.file = "resolv.conf";
  wish.lines = {};
  ASSERT_TRUE(files->create(wish).ok());
  EXPECT_TRUE(read_text(path("resolv.conf")).starts_with("# BEGIN ovl "));
  EXPECT_EQ(observe(), std::vector{wish});
  ASSERT_TRUE(files->remove(wish).ok());
  EXPECT_EQ(shell("ls " + root + "/netns").output, "");
}

TEST_F(HostsFileTest, UpdatesKeepTheInodeAndTheMakersNote) {
  ASSERT_TRUE(files->create(wish_).ok());
  const ino_t before = inode(path());
  HostsFile now = wish_;
  for (const std::size_t count : {100U, 1U, 0U, 3U}) {
    now.lines = times(count, "10.0.9.9 somebody");
    ASSERT_TRUE(files->update(now).ok());
    EXPECT_EQ(observe(), std::vector{now});
    EXPECT_EQ(inode(path()), before);
  }
  now.owner = "ovl:demo/other";
  ASSERT_TRUE(files->update(now).ok());
  EXPECT_EQ(observe(), std::vector{now});
  ASSERT_TRUE(files->remove(now).ok());
  EXPECT_EQ(shell("ls " + root + "/netns").output, "");
}

TEST_F(HostsFileTest, AFileThatExistedKeepsItsBytes) {
  const std::string before = "# mine\n\n10.1.1.1 a\n";
  put(before);
  EXPECT_TRUE(observe().empty());
  ASSERT_TRUE(files->create(wish_).ok());
  EXPECT_EQ(read_text(path()),
            before +
                "# BEGIN ovl ovl:demo/endpoint/web\n10.0.9.2 web\n10.0.9.3 db mydb\n# END ovl "
                "ovl:demo/endpoint/web\n");
  shell("echo '10.1.1.2 after' >> " + path());
  HostsFile shorter = wish_;
  shorter.lines = {"10.0.9.2 web"};
  ASSERT_TRUE(files->update(shorter).ok());
  ASSERT_TRUE(files->remove(shorter).ok());
  EXPECT_EQ(read_text(path()), before + "10.1.1.2 after\n");
}

TEST_F(HostsFileTest, AFileOfOursThatSomebodyAddedToIsKept) {
  for (const std::string edit : {"sed -i '1i 10.1.1.1 a' ", "echo 10.1.1.1 a >> ", "sed -i 1d "}) {
    ASSERT_TRUE(files->create(wish_).ok());
    shell(edit + path());
    ASSERT_TRUE(files->remove(wish_).ok());
    EXPECT_EQ(shell("grep -c ovl " + path()).output, "0\n") << edit;
    shell("rm " + path());
  }
}

// Builds before this one put them there.
TEST_F(HostsFileTest, LinesOfTheMachineInFrontGoWhereNobodyHasChangedThem) {
  const std::string front = "127.0.0.1 localhost\n127.0.1.1 web\n";
  const std::string block =
      "# BEGIN ovl ovl:demo/endpoint/web (file made by ovl, 14cd106f7868e1e5)\n10.0.9.2 web\n10.0.9.3 db "
      "mydb\n# END ovl ovl:demo/endpoint/web\n";
  put(front + block + "10.1.1.1 mine\n");
  EXPECT_NE(observe(), std::vector{wish_});
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_EQ(observe(), std::vector{wish_});
  const std::string text = read_text(path());
  EXPECT_TRUE(text.starts_with("127.0.0.1 localhost\n::1 localhost\n# BEGIN ovl ")) << text;
  EXPECT_TRUE(text.ends_with("# END ovl ovl:demo/endpoint/web\n10.1.1.1 mine\n")) << text;

  put("10.1.1.2 mine\n" + front + block);
  EXPECT_EQ(observe(), std::vector{wish_}) << "somebody's own lines are nothing of ours";
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_TRUE(read_text(path()).starts_with("10.1.1.2 mine\n" + front));

  put(front + block);
  ASSERT_TRUE(files->remove(observe().front()).ok());
  EXPECT_EQ(shell("ls " + root + "/netns").output, "");
}

TEST_F(HostsFileTest, ABlockIsMadeOnceAndItsAbsenceIsSaid) {
  EXPECT_EQ(files->update(wish_).error().code, Errc::not_found);
  EXPECT_TRUE(files->remove(wish_).ok());
  ASSERT_TRUE(files->create(wish_).ok());
  EXPECT_EQ(files->create(wish_).error().code, Errc::conflict);
  EXPECT_EQ(files->writes(), 1U);
}

TEST_F(HostsFileTest, ABlockCutOffByACrashIsSeenAndHealed) {
  put("10.1.1.1 a\n# BEGIN ovl ovl:demo/endpoint/web\n10.0.9.2 we");
  HostsFile cut = wish_;
  cut.lines = {"10.0.9.2 we", "# this block is not whole"};
  EXPECT_EQ(observe(), std::vector{cut});
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_EQ(observe(), std::vector{wish_});
  EXPECT_TRUE(read_text(path()).starts_with("10.1.1.1 a\n# BEGIN"));
}

TEST_F(HostsFileTest, LinesOfOthersStayBehindABlockWithoutAnEnd) {
  const std::string mine = "10.9.9.9 my-own-line\n\n# mine too\n";
  HostsFile wish = wish_;
  wish.lines = {"10.0.9.2 web web.net", "10.0.9.4 new new.net"};
  for (const std::string end : {"", "#END ovl ovl:demo/endpoint/web\n"}) {
    put("10.1.1.1 a\n# BEGIN ovl ovl:demo/endpoint/web\n10.0.9.2 web web.net\n10.0.9.3 old old.net alias\n" +
        end + mine);
    HostsFile seen = wish_;
    seen.lines = {"10.0.9.2 web web.net", "10.0.9.3 old old.net alias", "# this block is not whole"};
    EXPECT_EQ(observe(), std::vector{seen});
    ASSERT_TRUE(files->update(wish).ok());
    EXPECT_EQ(observe(), std::vector{wish});
    EXPECT_TRUE(
        read_text(path()).ends_with("10.0.9.4 new new.net\n# END ovl ovl:demo/endpoint/web\n" + end + mine))
        << read_text(path());
  }
  put("# BEGIN ovl ovl:demo/endpoint/web\n" + mine);
  ASSERT_TRUE(files->remove(observe().front()).ok());
  EXPECT_EQ(read_text(path()), mine);
  HostsFile empty = wish_;
  empty.file = "resolv.conf";
  empty.lines = {};
  write_text(path("resolv.conf"), "# BEGIN ovl ovl:demo/endpoint/web\nnameserver 10.9.9.9\n");
  ASSERT_TRUE(files->update(empty).ok());
  EXPECT_TRUE(read_text(path("resolv.conf")).ends_with("\nnameserver 10.9.9.9\n"));
}

TEST_F(HostsFileTest, LinesThatCouldForgeOthersAreRefused) {
  for (const std::string& line :
       std::vector<std::string>{"a\nb", "a\rb", std::string("a\0b", 3), "\x1b[2J", "# END ovl x"}) {
    HostsFile bad = wish_;
    bad.lines = {line};
    EXPECT_EQ(files->create(bad).error().code, Errc::usage) << line;
  }
  HostsFile bad = wish_;
  bad.owner = "x\ny";
  EXPECT_EQ(files->create(bad).error().code, Errc::usage);
  bad = wish_;
  bad.file = "../hosts";
  EXPECT_EQ(files->create(bad).error().code, Errc::bug);
  EXPECT_EQ(shell("ls " + root + "/netns").status, 2);
}

TEST_F(HostsFileTest, SymbolicLinksAreNotFollowed) {
  write_text(root + "/target", "untouched\n");
  shell("mkdir -p " + root + "/netns/web; ln -s " + root + "/target " + path());
  EXPECT_FALSE(files->create(wish_).ok());
  ASSERT_EQ(observe().size(), 1U);
  EXPECT_NE(observe().front().unusable, "");
  EXPECT_EQ(read_text(root + "/target"), "untouched\n");
  shell("rm -r " + root + "/netns/web; mkdir " + root + "/elsewhere; ln -s ../elsewhere " + root +
        "/netns/web");
  EXPECT_FALSE(files->create(wish_).ok());
  EXPECT_EQ(shell("ls " + root + "/elsewhere").output, "");
}

// Nobody can open it without waiting for the other end, and nobody reads all of it.
TEST_F(HostsFileTest, WhatIsNoPlainFileOrTooLargeIsToldAlone) {
  HostsFile resolv = wish_;
  resolv.file = "resolv.conf";
  for (const std::string make : {"mkfifo ", "mkdir ", "truncate -s 65M "}) {
    ASSERT_TRUE(files->create(resolv).ok());
    ASSERT_EQ(shell(make + path()).status, 0);
    const std::vector<HostsFile> found = observe();
    ASSERT_EQ(found.size(), 2U) << make;
    EXPECT_NE(found.front().unusable, "") << make;
    EXPECT_EQ(found.back(), resolv);
    EXPECT_FALSE(files->update(wish_).ok());
    shell("rm -r " + root + "/netns/web");
  }
}

// Writers and readers have one limit.
TEST_F(HostsFileTest, WhatIsWrittenCanBeRead) {
  shell("mkdir -p " + root + "/netns/web; head -c 67000000 /dev/zero | tr '\\0' x > " + path());
  HostsFile large = wish_;
  large.lines = times(100, std::string(1'000, 'n'));
  ASSERT_TRUE(files->create(large).ok());
  EXPECT_EQ(observe(), std::vector{large});
  const auto size = std::filesystem::file_size(path());
  large.lines = times(200, std::string(1'000, 'n'));
  const Status refused = files->update(large);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().os_errno, EFBIG);
  EXPECT_EQ(std::filesystem::file_size(path()), size);
  ASSERT_TRUE(files->remove(large).ok());
  EXPECT_EQ(std::filesystem::file_size(path()), 67'000'001U);
}

// The files on a disk of a few pages, of which some are free.
class FullDisk : public HostsFileTest {
 protected:
  void SetUp() override {
    HostsFileTest::SetUp();
    ASSERT_EQ(mkdir((root + "/netns").c_str(), 0755), 0);
    ASSERT_EQ(mount("none", (root + "/netns").c_str(), "tmpfs", 0, "size=256k"), 0);
  }

  void TearDown() override {
    umount2((root + "/netns").c_str(), MNT_DETACH);
    HostsFileTest::TearDown();
  }

  void leave_pages(std::size_t pages) const {
    shell("dd if=/dev/zero bs=4k of=" + root + "/netns/filler 2>/dev/null");
    std::error_code error;
    const auto size = std::filesystem::file_size(root + "/netns/filler", error);
    std::filesystem::resize_file(root + "/netns/filler", size - pages * 4096, error);
    EXPECT_FALSE(error);
  }

  void make_room() const { shell("rm " + root + "/netns/filler"); }

  [[nodiscard]] HostsFile with_lines(std::size_t count) const {
    HostsFile file = wish_;
    file.lines = times(count, "10.0.9.9 somebody somebody.blue " + std::string(32, 'n'));
    return file;
  }
};

TEST_F(FullDisk, LinesOfOthersStayWhateverSpaceIsLeft) {
  const std::string front = "10.1.1.1 front\n";
  const std::string back = std::string(9'000, '#') + "\n10.1.1.2 back\n";
  std::size_t failed = 0;
  for (std::size_t pages = 0; pages < 24; ++pages) {
    put(front);
    ASSERT_TRUE(files->create(with_lines(10)).ok());
    shell("cat >> " + path() + " << 'E'\n" + back + "E");
    const std::string before = read_text(path());
    const ino_t file = inode(path());
    leave_pages(pages);
    const Status done = files->update(with_lines(200));
    EXPECT_EQ(inode(path()), file);
    if (!done.ok()) {
      ++failed;
      EXPECT_EQ(done.error().os_errno, ENOSPC) << done.error().message;
      EXPECT_EQ(read_text(path()), before) << pages;
      EXPECT_EQ(shell("ls -A " + root + "/netns").output, "filler\nweb\n");
    }
    make_room();
    ASSERT_TRUE(files->update(with_lines(200)).ok());
    ASSERT_TRUE(files->remove(wish_).ok());
    EXPECT_EQ(read_text(path()), front + back);
    shell("rm -r " + root + "/netns/web");
  }
  EXPECT_GT(failed, 3U);
  EXPECT_LT(failed, 24U) << "some had space enough";
}

TEST_F(FullDisk, AFileThatCouldNotBeMadeIsNotThere) {
  leave_pages(2);
  EXPECT_EQ(files->create(with_lines(200)).error().os_errno, ENOSPC);
  EXPECT_EQ(shell("ls -A " + root + "/netns/web").output, "");
  make_room();
  EXPECT_TRUE(files->create(with_lines(200)).ok());
}

// A cut at any byte, and pages in any order: what was about to be written is written.
TEST_F(HostsFileTest, ARewritingThatWasCutOffIsSeenAndFinished) {
  put("10.1.1.1 front\n");
  ASSERT_TRUE(files->create(wish_).ok());
  shell("echo 10.1.1.2 back >> " + path());
  const std::string before = read_text(path());
  HostsFile longer = wish_;
  longer.lines = times(5, "10.0.9.3 db mydb");
  ASSERT_TRUE(files->update(longer).ok());
  const std::string after = read_text(path());
  const UniqueFd directory(::open((root + "/netns").c_str(), O_RDONLY | O_DIRECTORY));
  const RewriteCopy copy{.directory = directory.get(), .name = ".web.hosts.ovl"};
  for (std::size_t cut = 0; cut < after.size(); ++cut) {
    const std::string zeros(after.size() - before.size(), '\0');
    const std::string torn =
        cut % 2 == 0 ? after.substr(0, cut) + (before + zeros).substr(cut)
                     : (before + std::string(zeros.size(), '\n')).substr(0, cut) + after.substr(cut);
    write_text(path(), torn);
    ASSERT_TRUE(copy.keep(before, after).ok());
    EXPECT_EQ(observe() == std::vector{longer}, torn == after) << cut;
    ASSERT_TRUE(files->update(longer).ok());
    ASSERT_EQ(read_text(path()), after) << cut;
    ASSERT_NE(access((root + "/netns/.web.hosts.ovl").c_str(), F_OK), 0);
  }
}

// Neither half a copy nor one of another time changes anything.
TEST_F(HostsFileTest, ACopyThatDoesNotFitIsDropped) {
  put("10.1.1.1 front\n");
  ASSERT_TRUE(files->create(wish_).ok());
  shell("echo 10.1.1.2 back >> " + path());
  const std::string now = read_text(path());
  const UniqueFd directory(::open((root + "/netns").c_str(), O_RDONLY | O_DIRECTORY));
  const RewriteCopy copy{.directory = directory.get(), .name = ".web.hosts.ovl"};
  ASSERT_TRUE(copy.keep("10.1.1.1 somebody else's\n", "10.1.1.1 other\n").ok());
  EXPECT_EQ(observe(), std::vector{wish_});
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_EQ(read_text(path()), now);
  ASSERT_TRUE(copy.keep(now, "10.1.1.1 front\n").ok());
  const std::string text = read_text(root + "/netns/.web.hosts.ovl");
  write_text(root + "/netns/.web.hosts.ovl", text.substr(0, text.size() - 1));
  EXPECT_EQ(observe(), std::vector{wish_});
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_EQ(read_text(path()), now);
  EXPECT_EQ(shell("ls -A " + root + "/netns").output, "web\n");
}

}  // namespace

}  // namespace ovl::test
