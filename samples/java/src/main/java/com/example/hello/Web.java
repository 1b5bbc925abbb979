package com.example.hello;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The web process: says which app, release and dyno answered. */
public final class Web {

    private Web() {}

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(env("PORT", "5000"));
        ExecutorService threads = Executors.newFixedThreadPool(8);
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 128);
        server.createContext("/", Web::answer);
        server.setExecutor(threads);
        // At SIGTERM requests under way are finished, and none is taken any more.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.stop(1);
            threads.shutdown();
        }));
        server.start();
        System.out.println(env("DYNO", "this computer") + " listens on port " + port + " with Java " + Runtime.version().feature());
    }

    private static void answer(HttpExchange exchange) throws IOException {
        boolean found = exchange.getRequestURI().getPath().equals("/");
        byte[] body = (found ? greeting() : "Not found\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(found ? 200 : 404, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static String greeting() {
        return String.format("Hello from %s %s on %s%n",
            env("HEROKU_APP_NAME", "an app"), env("HEROKU_RELEASE_VERSION", "v0"), env("DYNO", "this computer"));
    }

    static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
