// Files of namespaces: the block between our markers is ours, every other byte is somebody else's.
#include "drivers/kernel/hosts_file.hpp"

#include <sys/stat.h>

#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

class HostsFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "ovl-hosts-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
    write_text(root + "/machine", "127.0.0.1 localhost\n::1 localhost");
    files = std::make_unique<HostsFiles>(
        HostsFileOptions{.etc_directory = root + "/netns", .machine_hosts = root + "/machine"});
  }

  void TearDown() override { shell("rm -r " + root); }

  [[nodiscard]] std::string path(const std::string& file = "hosts") const {
    return root + "/netns/web/" + file;
  }

  [[nodiscard]] std::vector<HostsFile> observe() const { return files->observe(netns("web")).value(); }

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

TEST_F(HostsFileTest, AHostsFileBeginsWithTheMachinesLines) {
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
  wish.lines.clear();
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
    now.lines.assign(count, "10.0.9.9 somebody");
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

TEST_F(HostsFileTest, AFileOfOursGoesThoughTheMachinesLinesHaveChanged) {
  ASSERT_TRUE(files->create(wish_).ok());
  write_text(root + "/machine", "127.0.0.1 other\n");
  ASSERT_TRUE(files->remove(wish_).ok());
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
  cut.lines = {"10.0.9.2 we"};
  EXPECT_EQ(observe(), std::vector{cut});
  ASSERT_TRUE(files->update(wish_).ok());
  EXPECT_EQ(observe(), std::vector{wish_});
  EXPECT_TRUE(read_text(path()).starts_with("10.1.1.1 a\n# BEGIN"));
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
  EXPECT_FALSE(files->observe(netns("web")).ok());
  EXPECT_EQ(read_text(root + "/target"), "untouched\n");
  shell("rm -r " + root + "/netns/web; mkdir " + root + "/elsewhere; ln -s ../elsewhere " + root +
        "/netns/web");
  EXPECT_FALSE(files->create(wish_).ok());
  EXPECT_EQ(shell("ls " + root + "/elsewhere").output, "");
}

}  // namespace

}  // namespace ovl::test
