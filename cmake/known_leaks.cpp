// What LeakSanitizer does not tell of, in the programs of sanitized builds: leaks of libraries that we can't
// mend.

// libgit2 1.5 looks for extensions of a version-1 repository by git_regexp_match(), which frees no match data
// of PCRE2 (some 20 KiB for each repository that is opened).
// libzookeeper loses the completions of requests that a silent server has not answered when zookeeper_close()
// gives it up.
extern "C" const char* __lsan_default_suppressions();

extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpcre2-8.so\nleak:libzookeeper_mt\n";
}
