// SPDX-License-Identifier: MIT
// Items through a blocking queue, and a monitor: Queues items N | seconds S.
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;

public class Queues {
	static final int COUNT = 4;
	static final ArrayBlockingQueue<Long> line = new ArrayBlockingQueue<>(16);
	static long items, sum;

	static synchronized void add(long item) {
		items++;
		sum += item;
	}

	public static void main(String[] args) throws Exception {
		final long most = args[0].equals("items") ? Long.parseLong(args[1]) : Long.MAX_VALUE;
		final long start = System.nanoTime();
		final long until = args[0].equals("items") ? Long.MAX_VALUE : start + Long.parseLong(args[1]) * 1000000000L;
		ExecutorService pool = Executors.newFixedThreadPool(2 * COUNT);
		List<Future<?>> puts = new ArrayList<>(), takes = new ArrayList<>();
		for (int i = 0; i < COUNT; i++) {
			final int me = i;
			takes.add(pool.submit(() -> {
				for (long item = line.take(); item >= 0; item = line.take())
					add(item);
				return null;
			}));
			puts.add(pool.submit(() -> {
				for (long n = 0; n < most && System.nanoTime() < until; n++)
					line.put(n * COUNT + me);
				return null;
			}));
		}
		for (Future<?> f : puts)
			f.get();
		for (int i = 0; i < COUNT; i++)
			line.put(-1L);
		for (Future<?> f : takes)
			f.get();
		pool.shutdown();
		if (until == Long.MAX_VALUE)
			System.out.println(items + " " + sum);
		else
			System.out.println(items * 1e9 / (System.nanoTime() - start));
	}
}
