// The emoji that are offered, by name. A small set: the ones that teams use.

export interface Emoji {
  sign: string;
  names: string;
}

const TABLE = `
👍 thumbs up +1 yes agree
👎 thumbs down -1 no
❤️ heart love
🎉 tada party celebrate hooray
😄 smile happy
😂 joy laugh tears
🙂 slight smile
😉 wink
😍 heart eyes
🤔 thinking hmm
😮 open mouth wow
😢 cry sad
😭 sob
😅 sweat smile phew
😬 grimace
🙄 eye roll
😎 cool sunglasses
🤯 mind blown
🥳 partying face
😴 sleeping
🤝 handshake deal
🙏 pray thanks please
👏 clap applause
🙌 raised hands praise
💪 muscle strong
👀 eyes looking
👋 wave hello bye
🫡 salute
🤞 fingers crossed luck
👌 ok hand
✌️ victory peace
🤷 shrug
🤦 facepalm
💯 hundred perfect
🔥 fire hot
✨ sparkles new
⭐ star
⚡ zap fast
💡 bulb idea
🚀 rocket ship launch
🚢 ship it boat
⚓ anchor
🎯 target dart goal
🏁 flag finish
🏆 trophy win
🎁 gift
🍰 cake
☕ coffee
🍕 pizza
🍻 beers cheers
✅ check done
☑️ box checked
❌ cross wrong
❗ exclamation
❓ question
⚠️ warning
🚨 siren alert
🛑 stop
🚧 construction wip
🔒 lock
🔑 key
🔧 wrench fix
🔨 hammer build
⚙️ gear settings
🧪 test tube experiment
🐛 bug
🩹 bandage patch
📌 pin
📎 clip
📝 memo note
📈 chart up growth
📉 chart down
📦 package release
📣 megaphone announce
📅 calendar date
⏰ alarm clock
⏳ hourglass wait
🔍 search magnifier
💬 speech comment
💭 thought
📧 mail
🔗 link
💻 laptop computer
🤖 robot agent
🧠 brain
👨‍💻 technologist developer
🌱 seedling
🌍 earth world
☀️ sun
🌧️ rain
🌈 rainbow
🐢 turtle slow
🐇 rabbit fast
🦀 crab rust
🐍 snake python
🐳 whale docker
💰 money
💸 money flying cost
🗑️ wastebasket delete
♻️ recycle refactor
➕ plus
➖ minus
➡️ right arrow
⬆️ up arrow
🟢 green circle
🟡 yellow circle
🔴 red circle
`;

export const EMOJI: readonly Emoji[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const space = line.indexOf(' ');
    return { sign: line.slice(0, space), names: line.slice(space + 1) };
  });

/** Emoji whose names have a word that starts with `text`, best first. */
export function findEmoji(text: string, most: number): Emoji[] {
  const wanted = text.toLowerCase();
  const place = ({ names }: Emoji): number =>
    names.startsWith(wanted) ? 0 : names.split(' ').some((word) => word.startsWith(wanted)) ? 1 : 2;
  return EMOJI.filter((emoji) => place(emoji) < 2)
    .sort((one, other) => place(one) - place(other))
    .slice(0, most);
}
