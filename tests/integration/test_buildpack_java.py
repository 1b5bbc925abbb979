"""heroku/java: which JDK, which tool, which jar is the web process, and how much memory a dyno's JVM takes."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from hokku.build import declared
from tests.integration.toolchain_stand import Stand, for_dynos

CALLED = 'echo "{name} $* java ${{JAVA_HOME##*/}}" >>"$HOME/calls"'
MVN = CALLED.format(name="mvn") + '; echo "$MAVEN_OPTS" >>"$HOME/options"'
WRAPPER = "#!/bin/bash\n" + CALLED.format(name="gradlew") + '\n[ -z "${BREAK:-}" ] || exit 1\n'
GRADLE = {
    "gradlew": WRAPPER, "gradle/wrapper/gradle-wrapper.jar": "", "gradle/wrapper/gradle-wrapper.properties": "",
}  # fmt: skip


def stand(tmp_path, files) -> Stand:
    made = Stand(tmp_path, "java", files, {"mvn": MVN})
    for major in (21, 25):
        java = tmp_path / f"jvm/java-{major}-openjdk-amd64/bin/javac"
        java.parent.mkdir(parents=True)
        java.touch(mode=0o755)
        (tmp_path / f"jvm/java-1.{major}.0-openjdk-amd64").symlink_to(f"java-{major}-openjdk-amd64")
    return made


def build(made: Stand, config=None, **more: str):
    return made.compile(config, HOKKU_JVMS=str(made.home / "jvm"), **more)


def jar(path: Path, manifest: str, *entries: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("META-INF/MANIFEST.MF", manifest.replace("\n", "\r\n"))
        for entry in entries:
            file.writestr(entry, "")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pom.xml": ""}, "Java\n"),
        ({"pom.xml": "", "build.gradle": ""}, "Java\n"),
        ({"build.gradle": ""}, "Gradle\n"),
        ({"settings.gradle.kts": ""}, "Gradle\n"),
        ({"gradlew": ""}, "Gradle\n"),
        ({"app.jar": ""}, "Java\n"),
        ({"Procfile": "web: java -jar lib/app.jar\n", "lib/app.jar": ""}, "Java\n"),
        ({"Procfile": "web: ./run\n", "lib/app.jar": ""}, ""),
        ({"Main.java": ""}, ""),
    ],
)
def test_maven_gradle_and_jars_make_a_java_app(tmp_path, files, said):
    ran = Stand(tmp_path, "java", files).detect()
    assert (ran.said, ran.status) == (said, 0 if said else 1)


@pytest.mark.parametrize(
    ("asked", "home"),
    [("", "java-25-openjdk-amd64"), ("21", "java-21-openjdk-amd64"), ("21.0.4", "java-21-openjdk-amd64"),
     ("openjdk-21.0.2", "java-21-openjdk-amd64"), ("zulu-25", "java-25-openjdk-amd64")],
)  # fmt: skip
def test_the_jdk_is_the_one_asked_for_or_the_newest_with_long_term_support(tmp_path, asked, home):
    properties = f"# a comment\njava.runtime.version={asked}\n" if asked else "maven.version=3.9.9\n"
    made = stand(tmp_path, {"pom.xml": "", "system.properties": properties})
    ran = build(made)
    assert ran.status == 0, ran.said
    assert made.calls()[0].endswith(f" java {home}")
    assert f"java-{home.split('-')[1]}-openjdk-*" in (made.app / ".profile.d/jvm.sh").read_text()


@pytest.mark.parametrize("asked", ["1.8", "11", "17", "22", "2", "openjdk-8.0.1", "$(id)"])
def test_a_java_that_the_stack_does_not_have_is_refused_with_what_there_is(tmp_path, asked):
    made = stand(tmp_path, {"pom.xml": "", "system.properties": f"java.runtime.version={asked}\n"})
    ran = build(made)
    assert ran.status == 1
    assert f"OpenJDK {asked} (from system.properties) is not on the stack debian-13" in ran.said
    assert "which has OpenJDK 21 and 25." in ran.said
    assert "17 on debian-12" in ran.said


@pytest.mark.parametrize(
    ("files", "config", "wanted"),
    [
        ({}, {}, "-B -V -DskipTests clean install"),
        ({"settings.xml": ""}, {}, "-B -V -s settings.xml -DskipTests clean install"),
        ({"etc/m.xml": "", "settings.xml": ""}, {"MAVEN_SETTINGS_PATH": "etc/m.xml"},
         "-B -V -s etc/m.xml -DskipTests clean install"),
        ({}, {"MAVEN_CUSTOM_OPTS": "-Pfast -Da=$(id)", "MAVEN_CUSTOM_GOALS": "package"},
         "-B -V -Pfast -Da=$(id) package"),
    ],
)  # fmt: skip
def test_maven_is_called_as_the_config_vars_say(tmp_path, files, config, wanted):
    made = stand(tmp_path, {"pom.xml": ""} | files)
    ran = build(made, config)
    assert ran.status == 0, ran.said
    assert made.calls() == [f"mvn {wanted} java java-25-openjdk-amd64"]


def pom(more: str = "", parent: str = "") -> str:
    own = "<groupId>com.example</groupId><artifactId>shop</artifactId><version>1-SNAPSHOT</version>"
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">{parent}{own}{more}</project>'


def dependency(version: str, artifact: str = "guava") -> str:
    text = f"<groupId>com.example</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
    return f"<dependencies><dependency>{text}</dependency></dependencies>"


def plugin(group: str, artifact: str, version: str = "1.0", more: str = "<executions/>") -> str:
    text = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{more}"
    return f"<build><plugins><plugin>{text}</plugin></plugins></build>"


APACHE = "org.apache.maven.plugins"
BOOT = (
    "<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId>"
    "<version>3.5.0</version></parent>"
)
MODULE = "<modules><module>src/core</module></modules>"
GOAL = "<executions><execution><goals><goal>{}</goal></goals></execution></executions>"
COPY = (
    "<executions><execution><configuration><artifactItems><artifactItem><version>RELEASE</version></artifactItem>"
    "</artifactItems></configuration></execution></executions>"
)
CORE = pom().replace("shop", "core")
UNVERSIONED = plugin(APACHE, "maven-shade-plugin").replace("<version>1.0</version>", "")


@pytest.mark.parametrize(
    ("files", "config", "pinned"),
    [
        ({"pom.xml": pom(dependency("33.0"))}, {}, True),
        ({"pom.xml": pom(dependency("${project.version}", "core") + MODULE), "src/core/pom.xml": CORE}, {}, True),
        ({"pom.xml": pom(dependency("1-SNAPSHOT", "core") + MODULE), "src/core/pom.xml": CORE}, {}, True),
        ({"pom.xml": pom(parent=BOOT) + "\n"}, {}, True),
        ({"pom.xml": pom(plugin(APACHE, "maven-shade-plugin"))}, {}, True),
        ({"pom.xml": pom(UNVERSIONED, BOOT)}, {}, True),
        ({"pom.xml": pom(plugin("org.codehaus.mojo", "exec-maven-plugin", more=""))}, {}, True),
        ({"pom.xml": pom(), "target/pom.xml": "<"}, {"MAVEN_CUSTOM_GOALS": "clean package"}, True),
        ({"pom.xml": pom(dependency("2-SNAPSHOT"))}, {}, False),
        ({"pom.xml": pom(dependency("[1,2)"))}, {}, False),
        ({"pom.xml": pom(dependency("LATEST"))}, {}, False),
        ({"pom.xml": pom("<properties><guava>33-SNAPSHOT</guava></properties>")}, {}, False),
        ({"pom.xml": pom(parent=BOOT.replace("org.springframework.boot", "com.example.parents"))}, {}, False),
        ({"pom.xml": pom(plugin("org.codehaus.mojo", "exec-maven-plugin"))}, {}, False),
        ({"pom.xml": pom(plugin("com.github.eirslett", "frontend-maven-plugin"))}, {}, False),
        ({"pom.xml": pom(plugin(APACHE, "maven-antrun-plugin"))}, {}, False),
        ({"pom.xml": pom(UNVERSIONED)}, {}, False),
        ({"pom.xml": pom(MODULE), "src/core/pom.xml": pom(dependency("2-SNAPSHOT"))}, {}, False),
        ({"pom.xml": pom(MODULE), "src/core/pom.xml": pom(dependency("2.0"))}, {}, True),
        ({"pom.xml": pom(MODULE)}, {}, False),
        ({"pom.xml": pom(dependency("1-SNAPSHOT", "core")), "examples/pom.xml": CORE}, {}, False),
        ({"pom.xml": pom(plugin("net.alchim31.maven", "scala-maven-plugin", more=GOAL.format("compile")))}, {}, True),
        ({"pom.xml": pom(plugin("net.alchim31.maven", "scala-maven-plugin", more=GOAL.format("script")))}, {}, False),
        ({"pom.xml": pom(plugin(APACHE, "maven-dependency-plugin", more=COPY))}, {}, False),
        ({"pom.xml": pom(), ".mvn/extensions.xml": ""}, {}, False),
        ({"pom.xml": pom(), ".mvn/maven.config": "-Dguava=33-SNAPSHOT"}, {}, False),
        ({"pom.xml": pom()}, {"MAVEN_CUSTOM_OPTS": "-Dguava=33-SNAPSHOT"}, False),
        ({"pom.xml": pom()}, {"MAVEN_CUSTOM_OPTS": "-Dguava=[1,)"}, False),
        ({"pom.xml": pom()}, {"MAVEN_CUSTOM_OPTS": "-f svc/pom.xml"}, False),
        ({"pom.xml": pom(plugin("org.jacoco", "jacoco-maven-plugin").replace("<version>1.0</version>", ""), BOOT)}, {},
         False),
        ({"pom.xml": pom()}, {"MAVEN_CUSTOM_GOALS": "package exec:exec"}, False),
        ({"pom.xml": "no XML"}, {}, False),
        ({"pom.xml": '<?xml version="1.0" encoding="GBK"?><project/>'}, {}, False),
    ],
)  # fmt: skip
def test_maven_makes_the_same_where_every_version_and_plugin_is_known(tmp_path, files, config, pinned):
    made = stand(tmp_path, files)
    ran = build(made, config)
    assert ran.status == 0, ran.said
    assert made.repeatable is pinned
    assert "Traceback" not in ran.said


@pytest.mark.parametrize(
    ("options", "wanted"),
    [("", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "), ("-XX:+UseG1GC", "-XX:TieredStopAtLevel=1 -XX:+UseG1GC "),
     ("-Xmx1500m", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx1500m ")],
)  # fmt: skip
def test_mavens_jvm_is_made_for_short_runs_and_the_config_var_counts_more(tmp_path, options, wanted):
    made = stand(tmp_path, {"pom.xml": ""})
    assert build(made, {"MAVEN_JAVA_OPTS": options}).status == 0
    assert f"-Xmx1024m {wanted}" in (made.home / "options").read_text().replace("  ", " ")


@pytest.mark.parametrize(
    ("files", "caching"),
    [({}, True), ({"gradle.properties": "org.gradle.caching=false\n"}, False), ({"gradle.properties": "a=b\n"}, True)],
)
def test_gradle_keeps_what_it_compiled_unless_the_app_says_otherwise(tmp_path, files, caching):
    wrapper = '#!/bin/bash\necho "$GRADLE_OPTS" >"$HOME/options"\nmkdir -p "$GRADLE_USER_HOME/caches/build-cache-1"\n'
    made = stand(tmp_path, GRADLE | {"build.gradle": "", "gradlew": wrapper} | files)
    ran = build(made)
    assert ran.status == 0, ran.said
    assert ("-Dorg.gradle.caching=true" in (made.home / "options").read_text()) is caching
    assert (made.cache / "java/gradle/caches/build-cache-1").is_dir()


def test_mavens_wrapper_goes_over_the_stacks_maven(tmp_path):
    wrapper = "#!/bin/bash\n" + CALLED.format(name="mvnw")
    made = stand(tmp_path, {"pom.xml": "", "mvnw": wrapper, ".mvn/wrapper/maven-wrapper.properties": ""})
    assert build(made).status == 0
    assert made.calls()[0].startswith("mvnw -B -V ")


@pytest.mark.parametrize(
    ("script", "config", "tasks"),
    [
        ("plugins { id 'java' }", {}, "stage"),
        ("plugins { id 'org.springframework.boot' version '3.5.0' }", {}, "build -x check"),
        ("plugins { id 'org.springframework.boot' }\ntask stage(dependsOn: ['build'])", {}, "stage"),
        ('tasks.register("stage") { }\nid("io.micronaut.application")', {}, "stage"),
        ("id 'io.ratpack.ratpack-java'", {}, "installDist -x test"),
        ("id 'org.springframework.boot'", {"GRADLE_TASK": "bootJar -x test"}, "bootJar -x test"),
    ],
)
def test_gradle_is_asked_for_the_task_that_fits(tmp_path, script, config, tasks):
    made = stand(tmp_path, GRADLE | {"build.gradle": script})
    ran = build(made, config)
    assert ran.status == 0, ran.said
    assert made.calls() == [f"gradlew --no-daemon --console=plain {tasks} java java-25-openjdk-amd64"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"build.gradle": ""}, "There is no Gradle wrapper (gradlew)"),
        ({"gradlew": WRAPPER}, "The Gradle wrapper is not whole"),
        (GRADLE | {"build.gradle": ""}, "heroku config:set GRADLE_TASK=build"),
    ],
)
def test_a_gradle_build_that_cannot_be_says_what_to_do(tmp_path, files, words):
    ran = build(stand(tmp_path, files), BREAK="1")
    assert ran.status == 1
    assert words in ran.said


@pytest.mark.parametrize(
    ("path", "manifest", "entries", "wanted"),
    [
        ("target/app-1.0.jar", "Main-Class: org.springframework.boot.loader.launch.JarLauncher\n", (),
         "java -Dserver.port=$PORT $JAVA_OPTS -jar target/app-1.0.jar"),
        ("target/app.jar", "Main-Class: com.example.App\n", ("io/micronaut/runtime/Micronaut.class",),
         "java -Dmicronaut.server.port=$PORT $JAVA_OPTS -jar target/app.jar"),
        ("target/quarkus-app/quarkus-run.jar", "Main-Class: io.quarkus.Main\n", (),
         "java -Dquarkus.http.port=$PORT $JAVA_OPTS -jar target/quarkus-app/quarkus-run.jar"),
        ("target/app.jar", "Main-Class: com.example.App\n", (), None),
    ],
)  # fmt: skip
def test_what_a_framework_built_is_the_web_process(tmp_path, path, manifest, entries, wanted):
    made = stand(tmp_path, {"pom.xml": ""})
    jar(made.app / path, manifest, *entries)
    ran = build(made)
    assert ran.status == 0, ran.said
    found = declared.parse(made.release()).default_process_types
    assert found == ({"web": wanted} if wanted else {})
    assert ("how the web process is started is not known" in ran.said) is (wanted is None)


def test_the_only_runnable_jar_that_was_pushed_is_the_web_process(tmp_path):
    made = stand(tmp_path, {})
    jar(made.app / "hello.jar", "Main-Class: com.example.Main\n")
    jar(made.app / "library.jar", "Created-By: 21\n")
    assert build(made).status == 0
    assert declared.parse(made.release()).default_process_types == {"web": "java $JAVA_OPTS -jar hello.jar"}
    assert made.repeatable
    jar(made.app / "second.jar", "Main-Class: com.example.Main\n")
    assert "more than one jar could be the web process: hello.jar second.jar" in build(made).said
    (made.app / "hello.jar").unlink()
    (made.app / "second.jar").unlink()
    assert "no jar in the root of the app names a Main-Class" in build(made).said
    (made.app / "Procfile").write_text("web: java -cp library.jar x.Main\n")
    assert build(made).status == 0


def profile(expression: str, **environment: str) -> str:
    text = for_dynos("java/lib/profile.sh").replace("@MAJOR@", "0").replace("unset -f", ": unset -f")
    env = {"PATH": "/usr/bin:/bin", "JAVA_HOME": "/nowhere"} | environment
    return subprocess.run(
        ["bash", "-c", f"{text}\n{expression}"], env=env, text=True, check=True, capture_output=True
    ).stdout.strip()


@pytest.mark.parametrize(("memory", "heap"), [(512, 300), (256, 150), (1024, 671), (2560, 2048)])
def test_the_heap_is_what_heroku_gives_a_dyno_of_that_size(memory, heap):
    assert profile(f"hokku_java_options {memory}").startswith(f"-Xmx{heap}m")


def test_a_dynos_jvm_goes_by_what_the_platform_says_of_its_memory(tmp_path):
    made = stand(tmp_path, {"pom.xml": ""})
    assert build(made).status == 0
    shipped = '. .profile.d/jvm.sh; echo "$JAVA_OPTS $(type -t dyno_memory)"'
    env = {"PATH": "/usr/bin:/bin", "DYNO_RAM": "1024"}
    done = subprocess.run(["bash", "-c", shipped], cwd=made.app, env=env, text=True, check=True, capture_output=True)
    assert done.stdout == "-Xmx671m -XX:CICompilerCount=2 -Dfile.encoding=UTF-8 \n"


def test_config_vars_count_more_than_the_platforms_options():
    assert profile('echo "$JAVA_TOOL_OPTIONS"', JAVA_TOOL_OPTIONS="-Xmx64m").endswith(" -Dfile.encoding=UTF-8 -Xmx64m")
    assert profile('echo "$JAVA_OPTS"', JAVA_OPTS="-Da=b") == "-Da=b"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgres://u:p@db:5432/name", "jdbc:postgresql://db:5432/name?user=u&password=p"),
        ("postgresql://u:p@db/name?sslmode=require", "jdbc:postgresql://db/name?user=u&password=p&sslmode=require"),
        ("mysql://u:p@db/name", "jdbc:mysql://db/name?user=u&password=p"),
        ("redis://h:1", ""),
    ],
)
def test_a_database_url_is_there_as_jdbc_wants_it(url, wanted):
    assert profile('echo "${JDBC_DATABASE_URL:-}"', DATABASE_URL=url) == wanted
