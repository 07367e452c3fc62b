// On the page that says that the database is away: loads the wanted page when it is back.
const again = setInterval(async () => {
  try {
    const answer = await fetch("/health/ready");
    if (!answer.ok) return;
    clearInterval(again);
    location.reload();
  } catch { /* the server is away too: the next try tells */ }
}, 2_000);
