// What the org calls its forks. One small store: texts read it where they are drawn, the org's settings set it.

class Words {
  /** One fork. */
  fork = $state('fork');
  /** Several. */
  forks = $state('forks');

  /** At the beginning of a text. */
  get Fork(): string {
    return capital(this.fork);
  }

  get Forks(): string {
    return capital(this.forks);
  }

  /** Any one of them. */
  get aFork(): string {
    return `${/^[aeiou]/i.test(this.fork) ? 'an' : 'a'} ${this.fork}`;
  }

  use({ one, many }: { one: string; many: string }): void {
    this.fork = one;
    this.forks = many;
  }

  /** A text of the server, which calls a fork a fork, in the org's words. */
  in(text: string): string {
    return text.replace(/\b(a )?(forks?)\b/gi, (said: string, article: string | undefined, noun: string) => {
      const word = /s$/i.test(noun) ? this.forks : article ? this.aFork : this.fork;
      return /^[A-Z]/.test(said) ? capital(word) : word;
    });
  }
}

const capital = (word: string): string => {
  const [first = '', ...rest] = word;
  return first.toLocaleUpperCase() + rest.join('');
};

export const words = new Words();
