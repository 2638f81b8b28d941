//! One P-256 verification and one signature: what a command cannot do without.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use streembit_keys::PrivateKey;

use crate::figures::Figures;

/// OpenSSL's, and ours (which is aws-lc-rs behind our types).
pub(crate) fn measure(figures: &mut Figures, span: Duration) -> Result<()> {
    let (sign, verify) = openssl(span)?;
    note(figures, "openssl", sign, verify);
    let key = PrivateKey::generate(&mut streembit_keys::rng::system());
    // As long as a short request.
    let message = [7; 400];
    let signature = key.sign(&message);
    let sign = each(span, || {
        black_box(key.sign(black_box(&message)));
    });
    let verify = each(span, || {
        black_box(key.public().verify(black_box(&message), &signature).is_ok());
    });
    note(figures, "aws-lc", sign, verify);
    Ok(())
}

fn note(figures: &mut Figures, name: &str, sign: f64, verify: f64) {
    figures.note(format!("{name}.sign"), sign, "µs");
    figures.note(format!("{name}.verify"), verify, "µs");
    figures.note(format!("{name}.pair"), sign + verify, "µs");
}

/// Microseconds of processor for one.
fn each(span: Duration, mut once: impl FnMut()) -> f64 {
    let (begun, cpu) = (Instant::now(), own_cpu());
    let mut done = 0_u32;
    while begun.elapsed() < span {
        for _ in 0..100 {
            once();
        }
        done += 100;
    }
    (own_cpu() - cpu).as_secs_f64() * 1e6 / f64::from(done)
}

/// What this thread has used of a processor: what others take of it in the meantime does not count.
fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Microseconds for a signature and for a verification. `openssl speed` counts processor time by itself.
fn openssl(span: Duration) -> Result<(f64, f64)> {
    let seconds = span.as_secs().max(1).to_string();
    let output = Command::new("openssl")
        .args(["speed", "-mr", "-seconds", &seconds, "ecdsap256"])
        .output()
        .context("cannot start `openssl` (Debian: apt-get install openssl)")?;
    ensure!(output.status.success(), "`openssl speed` ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    // +F4:index:bits:signatures a second:verifications a second; older ones give the seconds of one instead.
    let line = text
        .lines()
        .find(|line| line.starts_with("+F4:"))
        .context("`openssl speed` said nothing of ECDSA")?;
    let mut numbers = line.split(':').skip(3).filter_map(|field| field.parse::<f64>().ok());
    let (sign, verify) =
        numbers.next().zip(numbers.next()).context("`openssl speed` speaks another language")?;
    let micros = |number: f64| if number > 1.0 { 1e6 / number } else { number * 1e6 };
    Ok((micros(sign), micros(verify)))
}
