#include "tests/cluster/hooks_rig.hpp"

#include <filesystem>
#include <fstream>

namespace ovl {

void HooksRig::SetUp() {
  ASSERT_EQ(
      shell("git init -q --bare -b main " + file("hub.git") + " && git init -q -b main " + file("work")).code,
      0);
  ASSERT_EQ(git("remote add hub " + file("hub.git")).code, 0);
  ASSERT_EQ(shell("git -C " + file("hub.git") + " config receive.advertisePushOptions true").code, 0);
  std::filesystem::create_directories(file("work/net"));
  std::filesystem::create_directories(file("home"));
}

Ran HooksRig::git(const std::string& arguments, const std::string& place) const {
  return shell("cd " + file(place) + " && env -i PATH=$PATH HOME=" + file("home") +
               " GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.org "
               "GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.org git " +
               arguments);
}

Ran HooksRig::ovl(const std::string& arguments) const {
  return shell("cd " + file("work") + " && HOME=" + file("home") + " " + OVL_BINARY + " " + arguments);
}

void HooksRig::write(const std::string& blocks) const {
  std::ofstream(file("work/net/ovl.toml")) << "[cluster]\nname = \"pushed\"\n"
                                              "[host.left]\nadvertise = \"192.0.2.1\"\n"
                                              "[host.right]\nadvertise = \"192.0.2.2\"\n"
                                           << blocks;
}

std::string HooksRig::commit(const std::string& message) const {
  const Ran ran = git("add -A && git -c user.name=Ann -c user.email=ann@example.org commit -qm '" + message +
                      "' && git rev-parse HEAD");
  EXPECT_EQ(ran.code, 0) << ran.out;
  return ran.out.substr(0, ran.out.find('\n'));
}

Ran HooksRig::push(const std::string& arguments) const {
  return git("push " + arguments);
}

Ran HooksRig::install(const std::string& arguments) const {
  return ovl("hook install --repo " + file("hub.git") + " --path net --scope cluster --keystore " + store() +
             " " + arguments);
}

std::string HooksRig::networks() const {
  return ovl("network ls --keystore " + store() + " --cluster pushed").out;
}

}  // namespace ovl
