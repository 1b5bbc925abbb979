package com.example.hello;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The worker process: does a little work now and then, and says so, until SIGTERM. */
public final class Worker {

    private Worker() {}

    public static void main(String[] arguments) throws InterruptedException {
        CountDownLatch stop = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(stop::countDown));
        String dyno = Web.env("DYNO", "worker");
        int round = 0;
        do {
            round++;
            System.out.println(dyno + " did round " + round);
        } while (!stop.await(10, TimeUnit.SECONDS));
    }
}
