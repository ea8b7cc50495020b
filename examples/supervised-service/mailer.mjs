// Runs in a thread of its own: whatever a mail library does there, it does to nobody else.
export default function mailer(self) {
  let sent = 0;
  self.receive((message, reply) => {
    if (message.type === "sent") reply(sent);
    else if (message.to === "mallory") process.exit(1);
    else if (message.to === "the loop") for (;;);
    else sent++;
  });
}
